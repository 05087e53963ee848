"""Real processes for tests: a sandbox and a gateway as a user starts them, and a caller that speaks the LAN API."""
