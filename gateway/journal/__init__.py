"""The durable store: what has been accepted is here, fsynced, before anyone is told."""
