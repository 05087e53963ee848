"""The small French paper that says what was erased, when, and of which box; kinds and counts only, no health datum, no name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from gateway.trust.boxkey_custody import Kind
from provisioning.reset.contents import Count
from provisioning.reset.erasure_record import Begun

_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip
_KEY: Final[dict[Kind | None, str]] = {
    "credential": "Le fichier chiffré d'où venait la clé du boîtier a été écrasé puis effacé en premier. D'anciens blocs de la carte\n"
    "mémoire ne pourraient s'ouvrir que sur cette machine.",
    "tpm": "La clé du boîtier, scellée par sa puce de sécurité, a été écrasée puis effacée en premier : ce qu'elle protégeait ne se lit\n"
    "plus. La puce n'a pas pu oublier sa part : d'anciens blocs de la carte mémoire ne pourraient s'ouvrir que sur ce boîtier-ci,\n"
    "ou par le mot de passe de secours.",
    "passphrase": "La clé du boîtier a été écrasée puis effacée en premier. D'anciens blocs de la carte mémoire ne pourraient s'ouvrir\n"
    "qu'avec son ancien mot de passe.",
    "file": "La clé du boîtier, dans un simple fichier, a été écrasée puis effacée en premier. Une carte mémoire peut garder d'anciens\n"
    "blocs que rien n'efface : si celle-ci quitte le cabinet, détruisez-la.",
    None: "Il n'y avait plus de clé de boîtier.",
}
_FORGOTTEN: Final = (
    "La puce de sécurité a oublié sa part de la clé du boîtier, dont les fichiers ont été écrasés puis effacés. Si la carte mémoire\n"
    "garde d'anciens blocs, seul le mot de passe de secours pourrait encore les ouvrir."
)
_UNITS: Final = ("octets", "Ko", "Mo", "Go")
_NARROW: Final = "\u00a0"


def receipt_text(begun: Begun, ended: datetime) -> str:
    """The whole paper, ended by a line feed."""
    lines = [
        "ATTESTATION D'EFFACEMENT",
        "",
        f"Boîtier Relais    : {begun.box or 'identité inconnue (jamais installé, ou certificat local illisible)'}",
        f"Demandé           : {'au bouton du boîtier' if begun.by == 'button' else 'par la commande de l’installateur'}",
        f"Effacement du     : {_moment(begun.at)}",
        f"Terminé           : {_moment(ended)}",
        "",
        "Ce qui a été effacé :",
        *(_line(one) for one in begun.counts),
        *([] if begun.counts else ["  rien : le dossier était vide"]),
        "",
        _waiting(begun.waiting),
        _FORGOTTEN if begun.custody == "tpm" and begun.chip_forgot else _KEY[begun.custody],
        "Après l'effacement, le dossier du boîtier a été relu : il n'y restait rien.",
        "",
        "Cette attestation ne contient ni nom, ni donnée de santé.",
    ]
    return "\n".join(lines) + "\n"


def _line(one: Count) -> str:
    files = "1 fichier" if one.files == 1 else f"{one.files} fichiers"
    return f"  - {one.kind} : {files}, {_size(one.bytes)}"


def _waiting(waiting: int | None) -> str:
    match waiting:
        case None:
            return "Le nombre d'envois qui n'étaient pas terminés n'a pas pu être lu."
        case 0:
            return "Tous les envois étaient terminés."
        case 1:
            return "1 envoi n'était pas terminé : il ne partira pas."
    return f"{waiting} envois n'étaient pas terminés : ils ne partiront pas."


def _moment(at: datetime) -> str:
    there = at.astimezone(UTC)
    return f"{there.day} {_MONTHS[there.month - 1]} {there.year}, {there:%H:%M} (temps universel, heure du boîtier)"


def _size(size: int) -> str:
    amount, unit = float(size), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    figure = f"{amount:.0f}" if unit == 0 or amount >= 100 else f"{amount:.1f}".replace(".", ",")
    return f"{figure}{_NARROW}{_UNITS[unit]}"
