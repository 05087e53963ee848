"""The audit trail given out, for whoever keeps or verifies it elsewhere."""
