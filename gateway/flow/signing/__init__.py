"""Signing and verifying documents for callers, in our own routes and in those of esignsante."""
