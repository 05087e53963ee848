"""The front panel: lamps, button and the watchdog that can reset the box. Its program for the RP2040 is in `board/`."""
