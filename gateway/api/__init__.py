"""The LAN API: what cabinet software speaks. Talks to flow only; every refusal is an RFC 9457 problem in French."""
