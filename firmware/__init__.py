"""What touches the hardware: readers, serial devices, lamps, storage, watchdog. Knows nothing of health care."""
