"""What a scanner sent, in words for the person who tests it: each special character named, and what to have set right (insi.md 5).

Pure, and kept nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from firmware.scanners.line import ScanFault
from gateway.flow.scanners.views import AdviceView, PieceView, ReceivedView, Tone
from gateway.ins import scan
from gateway.ins.scan import ScanIncomplete, ScanUnreadable
from gateway.kernel.errors import Refused

LONGEST_SHOWN: Final = 600
"""Characters; an INS datamatrix holds fewer than 300."""

_NAMES: Final = {
    "\x00": "NUL",
    "\x02": "STX, début de lecture",
    "\x03": "ETX, fin de lecture",
    "\x04": "EOT",
    "\x09": "TAB, touche Tabulation",
    "\x0a": "LF, saut de ligne",
    "\x0d": "CR, touche Entrée",
    "\x1b": "ESC",
    "\x1c": "FS",
    "\x1d": "GS, séparateur",
    "\x1e": "RS",
    "\x1f": "US",
}
_AZERTY: Final = (
    "keyboard-qwerty",
    "Votre lecteur est réglé pour un clavier QWERTY, alors que ses caractères sont compris comme ceux d'un clavier AZERTY.",
    "Avec la notice du lecteur, choisissez le pays « France », ou mieux : le mode « port série » (USB-COM), qui n'imite pas un clavier.",
)
_KEYBOARDS: Final = {
    "azerty": _AZERTY,
    "azerty, shift lock": _AZERTY,
    "azerty, capitals": _AZERTY,
    "qwerty": (
        "keyboard-azerty",
        "Votre lecteur est réglé pour un clavier AZERTY, alors que ses caractères sont compris comme ceux d'un clavier QWERTY.",
        "Avec la notice du lecteur, choisissez le mode « port série » (USB-COM), qui n'imite pas un clavier.",
    ),
    "capitals": (
        "keyboard-capitals",
        "Votre lecteur échange les majuscules et les minuscules.",
        "Avec la notice du lecteur, désactivez « Caps Lock » ou la conversion des majuscules.",
    ),
}
_SEPARATORS: Final = {
    "lost": (
        "separators-lost",
        "Votre lecteur perd les séparateurs (caractère GS) : certaines lectures seront refusées, faute de savoir où finit un nom.",
        "Avec la notice du lecteur, autorisez l'envoi du caractère GS (ASCII 29, dit aussi FNC1 ou « group separator »).",
    ),
    "written": (
        "separators-written",
        "Votre lecteur écrit les séparateurs en toutes lettres, au lieu du caractère GS. Relais les comprend.",
        "Rien d'urgent : si vous réglez le lecteur, faites-lui envoyer le caractère GS (ASCII 29).",
    ),
}
_FAULTS: Final[dict[str, tuple[str, Tone, str, str]]] = {
    ScanFault.GARBLED: (
        "speed-sought",
        "act",
        "Ce qui est arrivé n'a pas de sens à cette vitesse. Relais en essaie une autre.",
        "Scannez de nouveau la même étiquette.",
    ),
    ScanFault.LINE: (
        "line-damaged",
        "act",
        "Des caractères sont arrivés abîmés : la vitesse ou la parité ne va pas, ou le câble est défectueux.",
        "Scannez de nouveau. Si cela continue, essayez un autre câble.",
    ),
    ScanFault.BREAK: (
        "line-broken",
        "act",
        "La liaison a été coupée pendant la lecture.",
        "Vérifiez les prises du câble, puis scannez de nouveau.",
    ),
    ScanFault.TOO_LONG: (
        "scan-too-long",
        "act",
        "Le lecteur a envoyé plus de 4 000 caractères d'un coup : ils n'ont pas été gardés.",
        "Vérifiez que c'est bien un lecteur de codes qui est branché, puis scannez une étiquette.",
    ),
    ScanFault.FLOOD: (
        "scan-flood",
        "act",
        "Le lecteur envoie sans arrêt, plus vite qu'une personne ne scanne : ses lectures n'ont pas été gardées.",
        "Débranchez-le, éteignez son mode de lecture continue, puis rebranchez-le.",
    ),
}
_FINE: Final = ("scan-fine", "ok", "Tout est bien arrivé : ce lecteur est prêt pour les datamatrix INS.", "Aucune action.")


def text_of(data: bytes) -> str | None:
    """The text of a scan, None when it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def received(data: bytes, faults: Collection[str], *, environment: str) -> ReceivedView:
    """What came, named sign by sign, and what it says of the scanner."""
    text = text_of(data)
    readable = text if text is not None else data.decode("cp1252", errors="replace")
    garbled = ScanFault.GARBLED in faults
    datamatrix = not garbled and bool(scan.layouts(_unwrapped(readable)))
    return ReceivedView(
        length=len(data),
        pieces=tuple(_pieces(text) if text is not None else _bytes_pieces(data)),
        datamatrix=datamatrix,
        advice=tuple(_advice(data, readable, faults, datamatrix=datamatrix, environment=environment)),
    )


def _unwrapped(text: str) -> str:
    return text.strip("\x02\x03\r\n\t")


def _advice(data: bytes, text: str, faults: Collection[str], *, datamatrix: bool, environment: str) -> Iterator[AdviceView]:
    for fault in faults:
        if fault in _FAULTS and not (fault == ScanFault.LINE and ScanFault.GARBLED in faults):
            yield _advise(*_FAULTS[fault])
    if ScanFault.GARBLED in faults or not data:
        return
    told = list(_about_datamatrix(_unwrapped(text), environment)) if datamatrix else [_OTHER]
    if not data.endswith((b"\r", b"\n", b"\t", b"\x03")):
        told.append(_NO_ENDING)
    yield from told
    if datamatrix and not faults and all(one.tone != "act" for one in told):
        yield _advise(*_FINE)


def _about_datamatrix(text: str, environment: str) -> Iterator[AdviceView]:
    keyboards = scan.layouts(text)
    if "same" not in keyboards:
        code, what, gesture = _KEYBOARDS[keyboards[0]]
        yield AdviceView(code=code, tone="act", what=what, gesture=gesture)
    kept = scan.separators(text)
    try:
        repaired = scan.read(text, environment=environment).repaired
    except (ScanIncomplete, ScanUnreadable) as refusal:
        yield _refused(refusal)
        repaired = False
    except Refused as refusal:
        yield _refused(refusal)
        repaired = kept != "kept"
    if kept != "kept" and repaired:
        code, what, gesture = _SEPARATORS[kept]
        yield AdviceView(code=code, tone="info" if kept == "written" else "act", what=what, gesture=gesture)


def _refused(refusal: Refused) -> AdviceView:
    told = refusal.explanation
    return AdviceView(code=told.code, tone="act", what=told.what, gesture=told.gesture)


def _advise(code: str, tone: Tone, what: str, gesture: str) -> AdviceView:
    return AdviceView(code=code, tone=tone, what=what, gesture=gesture)


_OTHER: Final = AdviceView(
    code="not-an-ins-datamatrix",
    tone="info",
    what="Ce code est bien arrivé. Ce n'est pas un datamatrix INS : Relais le transmettra tel quel au logiciel du poste.",
    gesture="Pour essayer la lecture des identités, scannez le datamatrix INS d'un document.",
)
_NO_ENDING: Final = AdviceView(
    code="ending-missing",
    tone="info",
    what="Le lecteur n'envoie rien à la fin de la lecture : Relais attend un court silence pour savoir qu'elle est finie.",
    gesture="Rien d'urgent : si vous réglez le lecteur, ajoutez la touche Entrée (CR) en fin de lecture.",
)
_SPECIAL: Final = re.compile("([\x00-\x1f\x7f])")


def _pieces(text: str) -> Iterator[PieceView]:
    """Plain runs and named signs, the end left out when it is very long."""
    for part in _SPECIAL.split(text[:LONGEST_SHOWN]):
        if not part:
            continue
        special = _SPECIAL.fullmatch(part) is not None
        yield PieceView(text="" if special else part, name=_NAMES.get(part, f"octet {ord(part):02X}") if special else None)
    if len(text) > LONGEST_SHOWN:
        yield PieceView(text="", name=f"et {len(text) - LONGEST_SHOWN} caractères de plus")


def _bytes_pieces(data: bytes) -> Iterator[PieceView]:
    """Bytes that are no text: what is ASCII as it is, the others by their number."""
    run = ""
    for value in data[:LONGEST_SHOWN]:
        sign = chr(value)
        if 0x20 <= value < 0x7F:
            run += sign
            continue
        if run:
            yield PieceView(text=run)
            run = ""
        yield PieceView(text="", name=_NAMES.get(sign, f"octet {value:02X}"))
    if run:
        yield PieceView(text=run)
    if len(data) > LONGEST_SHOWN:
        yield PieceView(text="", name=f"et {len(data) - LONGEST_SHOWN} octets de plus")
