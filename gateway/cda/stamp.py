"""Points in time as CDA writes them (HL7 TS): `YYYYMMDDHHMMSS+ZZZZ`, the offset being the one of the instant given.

Reading accepts what schemas accept: fewer digits, no offset. A stamp without offset is taken as French legal time, because the texts ask
for the zone and the schematron does not (cda_signing.md section 1, effectiveTime [K]).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.cda.errors import CdaInvalid

_STAMP = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:\.\d+)?([+-]\d{3,4})?")


def write_stamp(instant: datetime, path: str) -> str:
    """`YYYYMMDDHHMMSS+ZZZZ` of an aware instant, its own offset kept, fractions dropped; raises CdaInvalid for a naive one."""
    offset = instant.utcoffset()
    if offset is None:
        raise CdaInvalid(path, "time-zone", "une date n'a pas de fuseau horaire")
    if offset % timedelta(minutes=1):
        instant = instant.astimezone(UTC)
    return f"{instant.year:04d}{instant:%m%d%H%M%S%z}"


def read_stamp(text: str, path: str) -> datetime:
    """The aware instant of a TS, missing parts being their first value; raises CdaInvalid."""
    found = _STAMP.fullmatch(text.strip())
    if found is None:
        raise CdaInvalid(path, "time", "une date est illisible")
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups()[:6])
    try:
        local = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC)
        return local.replace(tzinfo=_zone(found.group(7), local))
    except ValueError:
        raise CdaInvalid(path, "time", "une date n'existe pas dans le calendrier") from None


def _zone(offset: str | None, local: datetime) -> timezone | ZoneInfo:
    if offset is not None:
        hours, minutes = divmod(int(offset[1:]), 100)
        size = timedelta(hours=hours, minutes=minutes)
        return timezone(-size if offset[0] == "-" else size)
    try:
        return ZoneInfo("Europe/Paris")
    except ZoneInfoNotFoundError:
        return timezone(timedelta(hours=2 if 4 <= local.month <= 10 else 1))
