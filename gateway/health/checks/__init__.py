"""The checks, one subject per file."""
