"""The DMP: existence test, sealed lot, feed, probe, and what its errors mean. Feeds in INDIRECTE mode only."""
