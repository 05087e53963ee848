"""What INSi answered, as values: business results, the national identity, and the exchange itself (insi.md 1.8, 3).

The reading of the XML is in `reading`; faults become errors of `errors`.
"""

from __future__ import annotations

import enum

import msgspec
from typing_extensions import override

from gateway.ins.identity import FormerIns
from gateway.model.patient import Ins


class Verdict(enum.StrEnum):
    """Code of the result (insi.md 3.1)."""

    FOUND = "00"
    NOT_FOUND = "01"
    SEVERAL = "02"


class NationalIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The identity INSi gave. Texts are verbatim: a lunar date stays what it is, the list of given names is never cut."""

    ins: Ins
    """Key recomputed, or completed when INSi gave none."""
    former: tuple[FormerIns, ...] = ()
    """As given, entries equal to the active one included."""
    birth_family_name: str | None = None
    birth_given_names: str | None = None
    first_given_name: str | None = None
    """Only old answers carry it."""
    sex: str | None = None
    birth_date: str | None = None
    birth_place: str | None = None

    @property
    def shown_former(self) -> tuple[FormerIns, ...]:
        """The history as people see it: what equals the active INS is not "old" (case A15)."""
        return tuple(one for one in self.former if one.matricule[:13] != self.ins.matricule[:13] or one.oid != self.ins.oid)

    @override
    def __repr__(self) -> str:
        return "NationalIdentity(…)"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A business result; `found` only with FOUND."""

    verdict: Verdict
    label: str
    found: NationalIdentity | None = None


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One call that got a business result: what was sent, what came back. Both are health data: encrypted wherever they are kept."""

    operation: str
    """WS_INS1, WS_INS2 or WS_INS3."""
    message_id: str
    sent: bytes
    received: bytes
    answer: Answer

    @override
    def __repr__(self) -> str:
        return f"Exchange({self.operation} {self.message_id} {self.answer.verdict})"
