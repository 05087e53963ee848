"""XDS metadata: one model, derived from a clinical header, written as an ITI-41 lot and as the METADATA.XML of an XDM archive."""
