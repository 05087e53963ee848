"""Relais: the service that does a practice's Ségur work for any cabinet software."""
