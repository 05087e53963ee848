"""Ground floor: errors, identifiers, clock, configuration, logging. No I/O but reading the configuration file."""
