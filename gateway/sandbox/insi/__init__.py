"""The simulated INSi teleservice: two listeners, its own rules, the published test identities. Shares no code with the gateway's client."""
