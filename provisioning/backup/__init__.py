"""Encrypted backups of a box, its restoration on another one, and its retirement."""
