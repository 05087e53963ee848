r"""HL7 v2 data types inside XDS metadata: XCN, XON, CX, PID lines, times; delimiters kept out of names (dmp.md 3.3, 3.8, case 37).

Never receives XML nor escapes it. A name may hold accents, apostrophes, hyphens; `^`, `&`, `|`, `~` and `\` would cut a field in two and
are replaced: what the real server does with HL7 escapes is not known [K], so none is written.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.kernel.oids import PROFESSIONALS, STRUCTURES
from gateway.model.document import LocalId
from gateway.model.patient import Ins
from gateway.model.people import Organization, Person

SLOT_LIMIT = 256
"""A longer slot value is invalid by classic ebRS [K]."""

_DELIMITERS = str.maketrans({"^": " ", "&": "+", "|": " ", "~": " ", "\\": "/", "\n": " ", "\r": " ", "\t": " "})


def component(text: str, limit: int = 200) -> str:
    """One component: delimiters replaced, blanks collapsed, at most `limit` characters."""
    return cut(" ".join(text.translate(_DELIMITERS).split()), limit)


def cut(text: str, limit: int = SLOT_LIMIT) -> str:
    """At most `limit` characters, ending in an ellipsis when something was left out."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def person(who: Person) -> str:
    """XCN of a professional: PS_IdNat, family, given, authority, type IDNPS, or EI for an id internal to the structure."""
    kind = "EI" if who.internal else "IDNPS"
    tail = f"^^^^^^&{PROFESSIONALS}&ISO^D^^^{kind}"
    head = component(who.id, 64)
    family, given = _names(who.family, who.given, SLOT_LIMIT - len(head) - len(tail) - 2)
    # the DMP refuses an empty name (PDT-INF-617): what is missing is filled with what is there
    return f"{head}^{family or given or head}^{given or family or head}{tail}"


def organization(structure: Organization) -> str:
    """XON of a structure: name, authority, type IDNST, Struct_IdNat."""
    head = component(structure.id, 64)
    tail = f"^^^^^&{STRUCTURES}&ISO^IDNST^^^{head}"
    return f"{component(structure.name, SLOT_LIMIT - len(tail)) or head}{tail}"


def ins(identifier: Ins) -> str:
    """CX of an INS: `<matricule>^^^&<OID>&ISO^NH`."""
    return f"{identifier.matricule}^^^&{identifier.oid}&ISO^NH"


def local_id(identifier: LocalId) -> str:
    """CX of the patient's identifier in the structure: `<IPP>^^^&<OID>&ISO^PI`."""
    return f"{component(identifier.extension, 128)}^^^&{identifier.root}&ISO^PI"


def patient_name(family: str, given: str, kind: str) -> str:
    """PID-5 line; kind L for the birth name, D for the used one. A name of which nothing is left is written `-`: none may be empty."""
    tail = f"^^^^^{kind}"
    return "PID-5|" + "^".join(name or "-" for name in _names(family, given, SLOT_LIMIT - len(tail) - 7)) + tail


def utc_time(moment: datetime) -> str:
    """`yyyyMMddHHmmss` in UTC of an aware instant."""
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S")


def _names(family: str, given: str, room: int) -> tuple[str, str]:
    first, second = component(family, room), component(given, room)
    if len(first) + len(second) <= room:
        return first, second
    half = room // 2
    return cut(first, max(half, room - len(second))), cut(second, max(half, room - len(first)))
