"""Waits until pcscd sees a card in a reader, or none: `look.py READER present|empty`. Run by the rig, with a client of its own."""

from __future__ import annotations

import sys
import time

import smartcard.scard as raw

_PRESENT = 0x20


def main() -> None:
    """Ends once it is so."""
    reader, wanted = sys.argv[1], sys.argv[2] == "present"
    _, context = raw.SCardEstablishContext(0)
    while True:
        _, states = raw.SCardGetStatusChange(context, 0, [(reader, 0)])
        if bool(states[0][1] & _PRESENT) is wanted:
            return
        time.sleep(0.02)


if __name__ == "__main__":
    main()
