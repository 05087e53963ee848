"""Barcode scanners: whose they are, what they read, and the test that tells why one is not understood."""
