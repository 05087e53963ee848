"""A passphrase for a command: typed at the terminal, or read from a descriptor that a script opens. Never an argument: `ps` shows those."""

from __future__ import annotations

import getpass
import os
import sys

from gateway.kernel.errors import ConfigurationFault

_LONGEST = 1024


class PassphraseNotGiven(ConfigurationFault):
    """No terminal to ask at, and no descriptor was named; or the two entries differ."""

    code = "passphrase-not-given"
    title = "Mot de passe à saisir"
    what = "Le mot de passe n'a pas été donné : {reason}."
    gesture = "Lancez la commande depuis un terminal, ou donnez le mot de passe par un descripteur (--passphrase-fd)."


def read_passphrase(prompt: str, descriptor: int | None, *, twice: bool = False) -> str:
    """The passphrase, its end of line removed; `twice` for one that is being chosen. Raises PassphraseNotGiven."""
    if descriptor is not None:
        return _from(descriptor)
    if sys.stdin is None or not sys.stdin.isatty():
        raise PassphraseNotGiven(reason="il n'y a pas de terminal")
    said = getpass.getpass(f"{prompt} : ")
    if twice and getpass.getpass("Une seconde fois : ") != said:
        raise PassphraseNotGiven(reason="les deux saisies diffèrent")
    return said


def _from(descriptor: int) -> str:
    try:
        with os.fdopen(descriptor, "rb", closefd=descriptor > 2) as file:
            return file.read(_LONGEST).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise PassphraseNotGiven(type(problem).__name__, reason="le descripteur indiqué ne se lit pas") from None
