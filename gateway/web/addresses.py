"""Where the page of an identity is: its structure and its local number, whatever signs that number holds.

A number of plain letters, digits, dots, hyphens and underscores stands as it is; any other one is written after a tilde in base64url,
so that no slash, no leading dot and no percent sign of it means anything to a browser or a server. A number given as it is, percent
encoded, is understood too.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import quote, urlencode

import msgspec

from gateway.flow.errors import NotFound
from gateway.flow.identities.views import Task

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_LONGEST_CURSOR = 200

TASKS: dict[str, Task] = {"a-rechercher": "search", "a-decider": "decide", "a-qualifier": "qualify"}
"""Tasks of the worklist, by their word in the address."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the worklist somebody stands: the task chosen and the page, so that they come back to the same line."""

    task: str = ""
    """A key of TASKS, or nothing: every task."""
    cursor: str = ""

    @property
    def query(self) -> str:
        """As the end of an address, with its question mark; empty for the top of the whole list."""
        given = {name: value for name, value in (("tache", self.task), ("apres", self.cursor)) if value}
        return f"?{urlencode(given)}" if given else ""


def place_of(task: str, cursor: str) -> Place:
    """The place that an address or a form names; what is not one of ours is left out."""
    return Place(task=task if task in TASKS else "", cursor=cursor if len(cursor) <= _LONGEST_CURSOR else "")


def identity_address(structure: str, local_id: str) -> str:
    """Path of the page of one identity."""
    return f"/identites/{quote(structure, safe='')}/{dossier_word(local_id)}"


def dossier_word(local_id: str) -> str:
    """A local number as one piece of a path."""
    if _PLAIN.fullmatch(local_id):
        return local_id
    return "~" + base64.urlsafe_b64encode(local_id.encode()).decode().rstrip("=")


def local_id_of(word: str) -> str:
    """The local number of a piece of a path; raises NotFound for what was never written by `dossier_word`."""
    if not word.startswith("~"):
        return word
    coded = word[1:]
    try:
        return base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise NotFound from None
