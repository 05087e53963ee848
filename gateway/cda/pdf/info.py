"""The old Info dictionary against the XMP: ISO 19005-1 6.7.3 wants them to say the same.

Compares by containment: a value of Info must be found in the packet, a date must be one of its dates to the second. Errs towards
conversion. Holds a title in memory only to compare it, never to say it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pikepdf

from gateway.cda.pdf.report import Flaw

_TEXTS = ("/Title", "/Author", "/Subject", "/Keywords", "/Creator", "/Producer")
_DATES = ("/CreationDate", "/ModDate")
_DATE = re.compile(r"(?:D:)?(\d{4})-?(\d\d)-?(\d\d)T?(\d\d):?(\d\d)(?::?(\d\d))?(?:\.\d+)?(?:(Z)(?:00'?00'?)?|([+-])(\d\d)[:']?(\d\d)'?)?")
_XMP_DATE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?")


def info_flaws(pdf: pikepdf.Pdf, xmp: bytes) -> Iterator[Flaw]:
    """One flaw when Info says something that the XMP does not; none when there is no Info."""
    info = pdf.trailer.get("/Info")
    if not isinstance(info, pikepdf.Dictionary):
        return
    packet = html.unescape(xmp.decode("utf-8", "replace"))
    dates = {read_date(text) for text in _XMP_DATE.findall(packet)} - {None}
    values: dict[str, Any] = dict(info.items())
    texts_agree = all(_text(values[key]) in packet for key in _TEXTS if key in values)
    if not texts_agree or any(read_date(_text(values[key])) not in dates for key in _DATES if key in values):
        yield Flaw.INFO


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, pikepdf.String) else ""


def read_date(text: str) -> datetime | None:
    """The instant of a PDF or XMP date with its time, to the second, UTC when no zone is given; None for anything else."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(figure or 0) for figure in match.groups()[:6])
    sign, hours, minutes = match[8], int(match[9] or 0), int(match[10] or 0)
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
