"""ContexteBAM and ContexteLPS, the two business headers of an INSi call (insi.md 1.4, 1.5; versions 01_02 and 01_00).

Elements only: `envelope` puts them in their place, and gives each its new Id and the instant of the call.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from lxml import etree
from typing_extensions import override

from gateway.ins.criteria import Software
from gateway.xml.build import Vocabulary

BAM = "urn:siram:bam:ctxbam"
LPS = "urn:siram:lps:ctxlps"
_AUTHORISATION_KIND = "4"

_bam = Vocabulary(BAM, "bam")
_lps = Vocabulary(LPS, "lps")


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """COUVERTURE of a call by card: what the card said of the insured and of the beneficiary, shapes already checked."""

    insured_nir: str
    insured_key: str | None = None
    beneficiary_nir: str | None = None
    beneficiary_key: str | None = None
    certified_on: str | None = None
    """xsd:date."""
    birth_date: str
    """YYYY-MM-DD, lunar dates allowed."""
    birth_rank: str
    scheme: str | None = None
    fund: str | None = None
    centre: str | None = None
    holder: str | None = None

    @override
    def __repr__(self) -> str:
        return "Coverage(…)"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """In whose name a call is made: structure (OU of the certificate) or professional (NameID), the software, this installation."""

    sender: str
    software: Software
    installation: str
    """UUID of this installation, the same for ever."""
    name_prefix: str = "urn:lps:"
    """Before the name of the software; a public client had to add it."""

    @property
    def software_name(self) -> str:
        """LPS/Nom: `urn:lps:<name>:<version>`, or the bare name when the prefix is configured empty."""
        return f"{self.name_prefix}{self.software.name}:{self.software.version}" if self.name_prefix else self.software.name


def instant(moment: datetime) -> str:
    """xsd:dateTime in UTC with milliseconds and Z."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def bam_context(identifier: str, moment: datetime, sender: str, coverage: Coverage | None) -> etree._Element:
    """ContexteBAM; COUVERTURE is there in any case, empty without a card. Raises XmlTextInvalid."""
    covered = _covered(coverage) if coverage is not None else ()
    return _bam(
        "ContexteBAM",
        _bam("Id", identifier),
        _bam("Temps", instant(moment)),
        _bam("Emetteur", sender),
        _bam("COUVERTURE", covered),
        Nature="CTXBAM",
        Version="01_02",
    )


def lps_context(identifier: str, moment: datetime, caller: Caller) -> etree._Element:
    """ContexteLPS with the CNDA number of the software. Raises XmlTextInvalid."""
    return _lps(
        "ContexteLPS",
        _lps("Id", identifier),
        _lps("Temps", instant(moment)),
        _lps("Emetteur", caller.sender),
        _lps(
            "LPS",
            _lps("IDAM", caller.software.idam, R=_AUTHORISATION_KIND),
            _lps("Version", caller.software.version),
            _lps("Instance", caller.installation),
            _lps("Nom", caller.software_name),
        ),
        Nature="CTXLPS",
        Version="01_00",
    )


def _covered(card: Coverage) -> list[etree._Element]:
    texts = (_text("GrandRegime", card.scheme), _text("Organisme", card.fund), _text("CodeCentre", card.centre))
    insured = _bam("Id", _bam("Num", card.insured_nir), _text("Cle", card.insured_key))
    return [*(one for one in texts if one is not None), _bam("ASSURE", insured), _beneficiary(card)]


def _beneficiary(card: Coverage) -> etree._Element:
    number = None
    if card.beneficiary_nir is not None:
        key, certified = _text("Cle", card.beneficiary_key), _text("DateCertification", card.certified_on)
        number = _bam("Nir", _bam("Num", card.beneficiary_nir), key, certified)
    return _bam("BENEFICIAIRE", number, _bam("DateNai", card.birth_date), _bam("Rang", card.birth_rank), _text("Porteur", card.holder))


def _text(name: str, text: str | None) -> etree._Element | None:
    return None if text is None else _bam(name, text)
