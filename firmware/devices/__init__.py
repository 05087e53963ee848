"""The process that owns the devices of the box: `python -m firmware.devices --socket PATH`. The gateway speaks with it over that socket."""
