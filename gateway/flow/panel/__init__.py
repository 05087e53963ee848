"""The front of the box: lamps, button, pairing window, request of a return to factory settings."""
