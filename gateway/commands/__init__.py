"""The command line: `relais init`, `serve`, `check`, `queue`, `send`, `conformity`. Each file is one command (contract section 1)."""
