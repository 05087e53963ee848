"""The only way out of a box: a process that holds no key and reads no document carries encrypted bytes to the services of relais.toml."""
