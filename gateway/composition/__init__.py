"""The wiring: which concrete parts make a gateway, one family a module. Opens and starts nothing: `app` does, and closes it all."""
