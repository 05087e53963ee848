"""Writes docs/reference/codes.md: every error code of the product with its texts, read from the classes themselves.

Never invents a text: what stands between braces in a class is filled at run time and shown here as an ellipsis. Run from the root of the
repository as `python docs/generate_codes.py`; tests/docs/test_codes.py fails while the committed page is not current. Source: contract
section 3 (problem+json), gateway/kernel/errors.py.
"""

# ruff: noqa: INP001 - a script beside the documents, not a package

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gateway
import provisioning
from gateway.kernel.errors import ConfigurationFault, Held, OutcomeUnknown, PermanentFault, Refused, RelaisError, TransientFault

PAGE = Path(__file__).parent / "reference" / "codes.md"

_HEAD = """\
# Tous les codes

Cette page est écrite par `docs/generate_codes.py` à partir du code : ne la corrigez pas à la main.

Un code est stable : votre logiciel peut s'appuyer dessus. Les phrases peuvent changer. « … » tient la place d'une précision donnée au
moment de l'erreur. « HTTP » est le statut de la réponse quand l'API refuse une demande avec ce code ; dans un récépissé, le même code se
trouve dans `explanation.code`.
"""

_PLACES = {
    "gateway.sandbox": (
        "Le bac à sable",
        "Réponses du service de pilotage du bac à sable, pour le développeur. Un vrai boîtier ne les donne jamais.",
    ),
    "gateway.commands": ("La ligne de commande", "Dits par la commande `relais`."),
    "gateway.app": ("La ligne de commande", ""),
    "gateway.journal.home_lock": ("La ligne de commande", ""),
    "provisioning": ("L'installation du boîtier", "Dits par la commande `relais-provision`."),
    "gateway.web": ("La page du cabinet", "Dits par la page, jamais par l'API."),
}
_CLASSES: tuple[tuple[type[RelaisError], str, str], ...] = (
    (Refused, "Demande refusée", "Rien n'est gardé. Corrigez, puis renvoyez."),
    (Held, "Envoi en attente d'une personne", "Le document est gardé. L'envoi ne repart qu'après le geste indiqué (état `held`)."),
    (
        OutcomeUnknown,
        "Réponse perdue",
        "L'envoi est peut-être arrivé (état `unknown`). Relais vérifie, ou renvoie à l'identique, sans qu'on le lui demande.",
    ),
    (TransientFault, "Repart tout seul", "Panne passagère. L'envoi reste en file (état `queued`) et sera réessayé."),
    (
        ConfigurationFault,
        "Réglage à corriger",
        "Certificat, clé, adresse ou réglage du boîtier. Les envois concernés restent en file jusqu'à la correction.",
    ),
    (PermanentFault, "Envoi refusé par le destinataire", "Ne passera jamais tel quel (état `refused`). Le document est gardé."),
    (RelaisError, "Erreurs internes", "Ne devraient pas se voir. Donnez le code à votre installateur."),
)


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One line of a table."""

    code: str
    status: int
    who: str
    what: str
    gesture: str


def errors() -> Iterator[type[RelaisError]]:
    """Every error class of the product that has a code of its own, the family's abstract floors left out."""
    for package in (gateway, provisioning):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    yield RelaisError
    waiting, seen = [RelaisError], {RelaisError}
    while waiting:
        for child in waiting.pop().__subclasses__():
            if child in seen or not child.__module__.startswith(("gateway.", "provisioning.")):
                continue
            seen.add(child)
            waiting.append(child)
            if "code" in vars(child) and child.__module__ != "gateway.kernel.errors" and not _is_family(child):
                yield child


def _is_family(kind: type[RelaisError]) -> bool:
    """A class without a sentence of its own that only gathers others."""
    return "what" not in vars(kind) and bool(kind.__subclasses__())


def section_of(kind: type[RelaisError]) -> tuple[str, str]:
    """Title and introduction of the section an error belongs to: its place first, its class otherwise."""
    for prefix, place in _PLACES.items():
        if kind.__module__ == prefix or kind.__module__.startswith(f"{prefix}."):
            return place
    return next((title, text) for base, title, text in _CLASSES if issubclass(kind, base))


def render() -> str:
    """The whole page, Markdown."""
    texts = {title: text for _, title, text in _CLASSES} | dict(reversed(_PLACES.values()))
    sections: dict[str, set[Row]] = {}
    for kind in errors():
        title, _ = section_of(kind)
        row = Row(kind.code, kind.status, _told(kind.who), _told(kind.what), _told(kind.gesture))
        sections.setdefault(title, set()).add(row)
    return _HEAD + "".join(_section(title, text, sections[title]) for title, text in texts.items() if title in sections)


def _section(title: str, text: str, rows: Iterable[Row]) -> str:
    lines = [f"| `{row.code}` | {row.status} | {row.who} | {row.what} | {row.gesture} |" for row in sorted(rows)]
    head = ["| Code | HTTP | Qui agit | Ce qui est dit | Geste |", "|---|---|---|---|---|"]
    return "\n".join(["", f"## {title}", "", text, "", *head, *lines, ""])


def _told(text: str) -> str:
    return re.sub(r"\{\w+\}", "…", text).replace("….", "…").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
