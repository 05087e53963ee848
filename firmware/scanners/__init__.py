"""Barcode scanners on a serial line or USB-CDC: found, kept open, read. A scan is opaque bytes, whatever they mean."""
