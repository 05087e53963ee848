"""When two writings of a trait are the same trait: names, birth dates, birth places (insi.md 3.4, 3.5, 4.4).

For comparisons only: what it makes is never written anywhere. Case, accents and ligatures do not count; hyphen and apostrophe are a space.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final

PLACE: Final = re.compile(r"[0-9][0-9AB][0-9]{3}")
UNKNOWN_PLACE: Final = "99999"

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})
_BREAKS = re.compile(r"[\s'’‘ʼ´`\N{MODIFIER LETTER PRIME}\N{PRIME}\-‐‑‒–—−]+")


def words(name: str) -> tuple[str, ...]:
    """The words of a name in comparable form: lower case, bare letters, cut at spaces, hyphens and apostrophes of any kind."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", _BREAKS.sub(" ", name)) if not unicodedata.combining(one))
    return tuple(_BREAKS.sub(" ", bare.casefold().translate(_LETTERS)).split())


def same_name(one: str, other: str) -> bool:
    """True when both are the same name, but for its form."""
    return words(one) == words(other)


def begins(longer: str, shorter: str) -> bool:
    """True when the words of `longer` begin with those of `shorter`, which is not empty: on word boundary (insi.md 4.4, EXI ID 10)."""
    start = words(shorter)
    return bool(start) and words(longer)[: len(start)] == start


def beginning(longer: str, shorter: str) -> str | None:
    """The start of `longer` that is `shorter`, as `longer` writes it; None when it does not begin so (EXI ID 10)."""
    if not begins(longer, shorter):
        return None
    start = words(shorter)
    ends = (end for end in range(1, len(longer)) if _BREAKS.match(longer, end) and words(longer[:end]) == start)
    return longer[: next(ends, len(longer))].strip()


def same_place(one: str, other: str) -> bool:
    """True for the same COG code; Corsica's 20xxx of before 1976 is the 2Axxx or 2Bxxx it became (insi.md 1.8, A03, A04)."""
    first, second = one.strip().upper(), other.strip().upper()
    return first == second or _became(first, second) or _became(second, first)


def same_date(one: str, other: str) -> bool:
    """True when both dates are the same, a lunar one being what the rule of entry makes of it (insi.md 3.4)."""
    return one == other or ((made := completed_date(one)) is not None and made == completed_date(other))


def completed_date(text: str) -> str | None:
    """The date an identity of the practice carries for a date of INSi, YYYY-MM-DD; None when its year is unknown or it is no date.

    EXI ID 11: day unknown, the 1st; month unknown, January; both unknown, 31 December. A month above 12 or a day the month does not have
    is unknown too (insi.md 3.4 [K]).
    """
    parts = _DATE.fullmatch(text)
    if parts is None or parts[1] == "0000":
        return None
    year, month, day = (int(part) for part in parts.groups())
    # Without its month, a day is believed when January has it.
    known_month = 1 <= month <= 12
    known_day = _exists(year, month if known_month else 1, day)
    if not known_month and not known_day:
        return f"{year:04d}-12-31"
    return f"{year:04d}-{month if known_month else 1:02d}-{day if known_day else 1:02d}"


def is_lunar(text: str) -> bool:
    """True for a date that is none of the calendar."""
    parts = _DATE.fullmatch(text)
    return parts is None or not _exists(*(int(part) for part in parts.groups()))


def _became(old: str, new: str) -> bool:
    return len(old) == len(new) and old[:2] == "20" and new[:2] in {"2A", "2B"} and old[2:] == new[2:]


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
