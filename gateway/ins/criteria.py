"""What is asked of INSi, before it is written for the wire (insi.md 1.6, 1.7). Texts are as the practice has them."""

from __future__ import annotations

from typing import Literal

import msgspec
from typing_extensions import override


class Software(msgspec.Struct, frozen=True, kw_only=True):
    """The software in whose name a call is made: each cabinet software has its own CNDA number (insi.md 6 [R])."""

    idam: str
    """Numéro d'autorisation CNDA."""
    name: str
    version: str


class SearchCriteria(msgspec.Struct, frozen=True, kw_only=True):
    """Traits to search by. `given_names` are those of the identity document, in its order, one per item."""

    birth_family_name: str
    given_names: tuple[str, ...]
    sex: str
    """M or F."""
    birth_date: str
    """YYYY-MM-DD."""
    birth_place: str | None = None
    """COG, 5 characters."""

    @override
    def __repr__(self) -> str:
        return "SearchCriteria(…)"


class CardReading(msgspec.Struct, frozen=True, kw_only=True):
    """What a certified component read from a Vitale card (insi.md 1.7). NIR of 13 characters, keys apart."""

    serial: str
    """Serial number of the card: the same at selection and at the call (case A24)."""
    insured_nir: str
    insured_key: str | None = None
    beneficiary_nir: str | None = None
    beneficiary_key: str | None = None
    nir_certified_on: str | None = None
    birth_family_name: str | None = None
    birth_date: str
    """YYYY-MM-DD, lunar dates allowed."""
    birth_rank: str = "1"
    scheme: str | None = None
    """Code grand régime."""
    fund: str | None = None
    """Organisme."""
    centre: str | None = None
    holder: str | None = None
    """Porteur, one digit."""

    @override
    def __repr__(self) -> str:
        return "CardReading(…)"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One call of WS_INS2: exactly what goes into the body, already in the characters INSi takes."""

    birth_family_name: str
    given_name: str
    """One given name, or all joined by spaces."""
    sex: Literal["M", "F"]
    birth_date: str
    birth_place: str | None = None

    @override
    def __repr__(self) -> str:
        return "Question(…)"
