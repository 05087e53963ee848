"""Frozen values of the domain and their rules: patient, people, document, delivery. No I/O, no XML, no SQL."""
