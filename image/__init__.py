"""The flashable image: its recipe and its tests. Nothing of it goes into a box."""
