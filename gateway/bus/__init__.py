"""MQTT, for the practice's other devices: how the box stands and what happens at its readers. Publishes, takes no order; off by default."""
