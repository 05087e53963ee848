"""Self-checks: one small file each, what is wrong and its fix, in French."""
