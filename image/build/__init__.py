"""Builds the flashable image of a board from the lock file, the Debian packages and the overlay: no mount, no container."""
