"""The national identity: INSi calls, RNIV states, comparison of traits, INS datamatrix. Sends and stores nothing by itself."""
