"""First boot: from an empty home and a sheet filled by the installer to a box that sends."""
