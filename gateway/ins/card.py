"""What a Vitale card said, checked before any call and written as the COUVERTURE of ContexteBAM (insi.md 1.4, 1.7).

Never reads a card: a component under contract with the GIE SESAM-Vitale does. Keys are recomputed (design, rule 2); nothing of the card
is in an error.
"""

from __future__ import annotations

import re
from datetime import date

from gateway.ins.contexts import Coverage
from gateway.ins.criteria import CardReading
from gateway.kernel.errors import Refused
from gateway.model.patient import matricule_key

_NIR = re.compile(r"[0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{6}")
_LUNAR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RANK = re.compile(r"[1-9]")
_DIGIT = re.compile(r"[0-9]")
_CODE = re.compile(r"[0-9A-Z]{1,9}")


class CardDataInvalid(Refused):
    """Something read from the card has not the shape it must have; `field` says what."""

    code = "card-data-invalid"
    title = "Lecture de la carte Vitale inexploitable"
    who = "le secrétariat"
    what = "Les données lues sur la carte Vitale sont incomplètes ou abîmées."
    gesture = "Retirez la carte, remettez-la dans le lecteur et recommencez ; si cela dure, cherchez le patient par ses traits d'identité."


def coverage(reading: CardReading, *, field: str = "card") -> Coverage:
    """The COUVERTURE of a call by card; raises CardDataInvalid naming the field of the reading at fault."""
    _number(reading.insured_nir, reading.insured_key, f"{field}.insured")
    if reading.beneficiary_nir is not None:
        _number(reading.beneficiary_nir, reading.beneficiary_key, f"{field}.beneficiary")
    _shape(_LUNAR, reading.birth_date, f"{field}.birth_date")
    _shape(_RANK, reading.birth_rank, f"{field}.birth_rank")
    _shape(_DIGIT, reading.holder, f"{field}.holder")
    for name in ("scheme", "fund", "centre"):
        _shape(_CODE, getattr(reading, name), f"{field}.{name}")
    _calendar_date(reading.nir_certified_on, f"{field}.nir_certified_on")
    return Coverage(
        insured_nir=reading.insured_nir,
        insured_key=reading.insured_key,
        beneficiary_nir=reading.beneficiary_nir,
        beneficiary_key=reading.beneficiary_key if reading.beneficiary_nir is not None else None,
        certified_on=reading.nir_certified_on if reading.beneficiary_nir is not None else None,
        birth_date=reading.birth_date,
        birth_rank=reading.birth_rank,
        scheme=reading.scheme,
        fund=reading.fund,
        centre=reading.centre,
        holder=reading.holder,
    )


def _number(nir: str, key: str | None, field: str) -> None:
    _shape(_NIR, nir, f"{field}_nir")
    if key is not None and key != matricule_key(nir):
        raise CardDataInvalid(field=f"{field}_key")


def _shape(wanted: re.Pattern[str], text: str | None, field: str) -> None:
    if text is not None and wanted.fullmatch(text) is None:
        raise CardDataInvalid(field=field)


def _calendar_date(text: str | None, field: str) -> None:
    _shape(_LUNAR, text, field)
    try:
        if text is not None:
            date.fromisoformat(text)
    except ValueError:
        raise CardDataInvalid(field=field) from None
