"""The proof of Relais; mirrors the packages."""
