"""Fencing: a box that another has replaced sends nothing any more."""
