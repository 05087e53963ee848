"""Simulators of the national services: they judge what a stranger would send and never import the gateway's builders."""
