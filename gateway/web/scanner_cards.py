"""Barcode scanners as the page lays them out: whose, how connected, what can be done. Pure; flow has the last word on each gesture."""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.flow.scanners.views import AdviceView, PieceView, ScannerTestView, ScannerView
from gateway.kernel.errors import Explanation
from gateway.web.words import Badge, badge, many

_ENDINGS: Final = {
    "stx_etx": "entourée des caractères STX et ETX",
    "cr": "finie par la touche Entrée (CR)",
    "lf": "finie par un saut de ligne (LF)",
    "crlf": "finie par Entrée et saut de ligne (CR LF)",
    "tab": "finie par la touche Tabulation (TAB)",
    "gap": "finie par un silence",
}
_FRAMINGS: Final = {"8N1": "8 bits, sans parité", "7E1": "7 bits, parité paire", "7O1": "7 bits, parité impaire"}
_TONES: Final = {"ok": "ok", "act": "act", "info": "off"}


class ScannerCard(msgspec.Struct, frozen=True, kw_only=True):
    """One scanner."""

    id: str
    name: str
    badge: Badge
    facts: tuple[str, ...]
    trouble: Explanation | None
    may_pair: bool
    may_unpair: bool
    may_test: bool


class AdviceCard(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of advice of a test."""

    tone: str
    mark: str
    what: str
    gesture: str


class ScannerTestCard(msgspec.Struct, frozen=True, kw_only=True):
    """A test that runs: what was received, and advice."""

    left: str
    pieces: tuple[PieceView, ...]
    length: str
    advice: tuple[AdviceCard, ...]
    received: bool


def scanner_card(one: ScannerView, *, operator: bool) -> ScannerCard:
    """How a scanner stands and which buttons suit it."""
    known = one.trouble is None or one.trouble.code != "scanner-unused"
    usable = known and (one.paired != "elsewhere" or operator)
    return ScannerCard(
        id=one.id,
        name=one.name,
        badge=_badge(one),
        facts=tuple(_facts(one)),
        trouble=one.trouble,
        may_pair=usable and one.connected and one.paired != "here" and not one.by_setting,
        may_unpair=usable and one.paired is not None and not one.by_setting,
        may_test=usable and one.connected,
    )


def test_card(test: ScannerTestView) -> ScannerTestCard:
    """A test as it stands."""
    received = test.received
    return ScannerTestCard(
        left=many(test.seconds_left, "encore une seconde", "encore {} secondes"),
        pieces=received.pieces if received is not None else (),
        length=many(received.length, "1 caractère", "{} caractères") if received is not None else "",
        advice=tuple(_advice(one) for one in received.advice) if received is not None else (),
        received=received is not None,
    )


def speed_words(one: ScannerView) -> str:
    """« 9 600 bauds (8 bits, sans parité) »; nothing for a scanner that is not connected."""
    if one.speed is None or one.framing is None:
        return ""
    speed = f"{one.speed:,}".replace(",", "\u202f")
    return f"{speed} bauds ({_FRAMINGS.get(one.framing, one.framing)})"


def _badge(one: ScannerView) -> Badge:
    if not one.connected:
        words = {"scanner-unused": badge("Non utilisé", "off"), "scanner-absent": badge("Débranché", "act")}
        return words.get(one.trouble.code if one.trouble is not None else "", badge("Ne répond pas", "bad"))
    match one.paired:
        case "here":
            return badge("Associé à ce poste", "ok")
        case "elsewhere":
            return badge("Associé à un autre poste", "off")
    return badge("Associé à aucun poste", "act")


def _facts(one: ScannerView) -> list[str]:
    facts = [f"Identifiant\u00a0: {one.id}"]
    if one.connected and one.tested:
        facts.append(f"Vitesse\u00a0: {speed_words(one)}")
    if one.connected and one.ending in _ENDINGS:
        facts.append(f"Lecture {_ENDINGS[one.ending]}")
    if one.connected and not one.tested:
        facts.append("Pas encore essayé")
    return facts


def _advice(one: AdviceView) -> AdviceCard:
    tone = _TONES[one.tone]
    return AdviceCard(tone=tone, mark={"ok": "✓", "act": "!", "off": "i"}[tone], what=one.what, gesture=one.gesture)
