"""What callers see of readers and cards. Whose card it is goes to the workstation beside it alone, and never shows itself in a log."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from typing_extensions import override

from firmware.protocol import Generation
from gateway.kernel.errors import Explanation

Kind = Literal["none", "cpx", "vitale", "unknown", "mute"]


class _View(msgspec.Struct, frozen=True, kw_only=True):
    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class InsertedView(_View, frozen=True, kw_only=True):
    """A card that is in a reader: its family by its ATR, and the name of its insertion, which every call about it sends back."""

    insertion_id: str
    kind: Kind
    generation: Generation | None


class ReaderView(_View, frozen=True, kw_only=True):
    """A reader as it stands for the workstation that asks."""

    id: str
    """Opaque, the same after unplugging and restarts."""
    name: str
    pin_pad: bool
    """True: the PIN is typed on the reader."""
    paired: Literal["here", "elsewhere"] | None
    card: InsertedView | None
    """None when it is empty, and for a reader of another workstation or of none."""


class CardView(_View, frozen=True, kw_only=True):
    """The card of a reader, without its PIN."""

    reader: str
    kind: Kind
    insertion_id: str | None
    generation: Generation | None
    test: bool | None
    """True: a card of TEST. None when it is not known."""
    tries_left: int | None
    """Of the PIN; None when the card does not say. 1: `accept_last_try` is needed. 0: blocked."""
    expires: datetime | None
    serial_digest: str | None
    """Keyed digest of the serial number of the card, for logs; another after a restart of the box."""
    trouble: Explanation | None
    """Why the card cannot be used, and what to do."""


class CardCertificateView(_View, frozen=True, kw_only=True):
    """A certificate of a CPx card."""

    use: Literal["auth", "sign"]
    certificate: str
    """DER, base64."""
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    test: bool


class CardObjectView(_View, frozen=True, kw_only=True):
    """A data object of a card as it is stored there, under its national label."""

    label: str
    base64: str


class HolderView(_View, frozen=True, kw_only=True):
    """Whose card it is; what the card does not say is null."""

    id: str | None = None
    """PS_IdNat: 8 and the RPPS number, most often."""
    family: str | None = None
    given: str | None = None
    title: str | None = None
    """Profession as the certificate writes it."""
    profession: str | None = None
    """Code of table G15."""
    future_profession: str | None = None
    specialty: str | None = None
    """Savoir-faire (R01), from CPS_INFO_PS."""
    card_type: str | None = None
    test: bool
    """True: a card of TEST."""
    issuer: str | None = None
    expires: datetime | None = None
    objects: tuple[CardObjectView, ...] = ()


class SituationView(_View, frozen=True, kw_only=True):
    """A situation d'exercice: the structure goes into a VIHF with the sector of the same situation (cards.md 1.5)."""

    label: str
    structure_name: str | None
    structure_id: str | None
    """Struct_IdNat."""
    sector: str | None


class SituationsView(_View, frozen=True, kw_only=True):
    """What the PIN uncovers of a CPx card."""

    situations: tuple[SituationView, ...]
    objects: tuple[CardObjectView, ...]
    """All of it as it is stored, invoicing situation included."""


class SignedView(_View, frozen=True, kw_only=True):
    """Signatures (RSASSA-PKCS1-v1_5) in the order of what was asked, and the certificate they verify with."""

    signatures: tuple[str, ...]
    """Base64."""
    certificate: str
    """DER, base64."""
    key: Literal["auth", "sign"]
    hash: Literal["sha1", "sha256"]
    test: bool


class BeneficiaryView(_View, frozen=True, kw_only=True):
    """One person of a Vitale card. The number is the opener's, the same for the whole family; the date may be of no calendar."""

    family: str | None
    given: str | None
    birth_date: str | None
    """As on the card: YYYYMMDD."""
    nir: str | None


class VitaleView(_View, frozen=True, kw_only=True):
    """The free files of a Vitale card; nothing of them is kept."""

    beneficiaries: tuple[BeneficiaryView, ...]
    objects: tuple[CardObjectView, ...]


class PlugInView(_View, frozen=True, kw_only=True):
    """What the licensed part read of a Vitale card: its own JSON document, as it is."""

    document: msgspec.Raw


class CardEvent(_View, frozen=True, kw_only=True):
    """What happened at a reader: opaque names, and nothing of whose card it is."""

    seq: int
    ts: datetime
    type: Literal["card_in", "card_out", "card_mute", "reader_in", "reader_out", "service_up", "service_down"]
    reader: str | None
    kind: Kind | None
    generation: Generation | None
    insertion_id: str | None
