"""Keys, certificates, signatures, TLS contexts and encryption at rest. A private key never leaves this room."""
