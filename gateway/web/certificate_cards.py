"""The certificates of the box as the page lays them out: what each is for, until when, what waits beside it, and which gestures help."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from gateway.flow.certificates.views import HeldPage, HeldView, SuccessionView
from gateway.web.moments import Moment, told_date
from gateway.web.words import Badge, badge

PURPOSES = {
    "auth_cli": "Connexion au DMP (AUTH_CLI)",
    "sign": "Signature des documents (SIGN)",
    "insi_manu": "Recherches INSi du personnel (INSI-MANU)",
    "insi_auto": "Vérifications INSi du boîtier (INSI-AUTO)",
    "mailbox": "Messagerie, s'il est différent de celui de connexion",
}
"""In the order in which the page lists them."""
_SLOTS = {"current": "En service", "next": "Suivant", "former": "Ancien"}
_SOON = timedelta(days=90)
_BROKEN = badge("Illisible", "bad")


class CertificateLine(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate; `until` None for a file that does not open."""

    slot: str
    place: str
    badge: Badge
    subject: str = ""
    until: Moment | None = None


class CertificateCard(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose of one structure."""

    structure: str
    role: str
    title: str
    lines: tuple[CertificateLine, ...]
    state: str | None
    may_switch: bool
    may_return: bool

    @property
    def waits(self) -> bool:
        """True when a next one is there."""
        return any(one.slot == "next" for one in self.lines)


def certificate_cards(held: HeldPage, successions: Sequence[SuccessionView], structure: str, now: datetime) -> tuple[CertificateCard, ...]:
    """Every purpose of that structure of which something is held, in the order of `PURPOSES`."""
    cards: list[CertificateCard] = []
    for role, title in PURPOSES.items():
        lines = [_line(one, now) for one in held.items if (one.structure, one.role) == (structure, role)]
        lines += [
            CertificateLine(slot=one.slot, place=_SLOTS[one.slot], badge=_BROKEN)
            for one in held.unreadable
            if (one.structure, one.role) == (structure, role)
        ]
        if lines:
            moved = next((one for one in successions if (one.structure, one.role) == (structure, role)), None)
            cards.append(
                CertificateCard(
                    structure=structure,
                    role=role,
                    title=title,
                    lines=tuple(lines),
                    state=moved.what if moved is not None else None,
                    may_switch=moved is not None and moved.may_switch,
                    may_return=moved is not None and moved.may_return,
                )
            )
    return tuple(cards)


def _line(held: HeldView, now: datetime) -> CertificateLine:
    left = held.usable_until - now
    state = badge("Expiré", "bad") if left <= timedelta() else badge("Expire bientôt", "act") if left <= _SOON else badge("Valable", "ok")
    return CertificateLine(
        slot=held.slot, place=_SLOTS[held.slot], badge=state, subject=held.subject, until=told_date(held.usable_until, now)
    )
