"""Return to factory settings: everything of a home is erased, the box key first, and a receipt says so."""
