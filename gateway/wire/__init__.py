"""Ports to the world: HTTP, SOAP, MTOM, SAML, SMTP, MIME. Bytes in, bytes out; no business rule."""
