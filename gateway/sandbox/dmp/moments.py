"""Times as XDS and CDA write them, compared without the gateway's help.

XDS: digits of a UTC time, `yyyyMMddHHmmss` or shorter. CDA: digits, then a time zone when there is a time (dmp.md 3.2).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DTM = re.compile(r"\d{4}(\d\d(\d\d(\d\d(\d\d(\d\d)?)?)?)?)?")
_TS = re.compile(r"(\d{4,14})(?:\.\d+)?([+-]\d{4})?")
_FULL = 14


def read_full(text: str) -> datetime | None:
    """The UTC instant of a `yyyyMMddHHmmss` text; None for anything else."""
    if len(text) != _FULL or not _DTM.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def is_time(text: str) -> bool:
    """True for an XDS time of any precision."""
    return _DTM.fullmatch(text) is not None


def agree(metadata: str, clinical: str) -> bool:
    """True when an XDS time says the same instant as a CDA TS, to the precision both have."""
    found = _TS.fullmatch(clinical)
    if found is None or not is_time(metadata):
        return False
    digits, zone = found[1], found[2]
    if zone is None or len(digits) < 12:
        return metadata.startswith(digits) or digits.startswith(metadata)
    try:
        local = datetime.strptime(digits.ljust(_FULL, "0") + zone, "%Y%m%d%H%M%S%z")
    except ValueError:
        return False
    return local.astimezone(UTC).strftime("%Y%m%d%H%M%S").startswith(metadata)
