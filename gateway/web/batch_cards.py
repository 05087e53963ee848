"""Lists of patients being verified, as the page lays them out: how far, what came of it, when it should end. Figures only."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.flow.identities.views import BatchView
from gateway.kernel.errors import Explanation
from gateway.web.moments import Moment, told
from gateway.web.words import Badge, badge, many

_KINDS = {"tomorrow": "Patients de demain", "file": "Tout le fichier des patients", "periodic": "Vérification périodique"}
STATES = {
    "night": badge("Se fait la nuit", "going"),
    "running": badge("En cours", "going"),
    "paused": badge("En pause", "act"),
    "done": badge("Terminée", "ok"),
    "cancelled": badge("Arrêtée", "off"),
}
_OVER = frozenset({"done", "cancelled"})
_OUTCOMES = {
    "found_exact": ("trouvé à l'identique", "trouvés à l'identique"),
    "found_different": ("trouvé avec des différences, à décider", "trouvés avec des différences, à décider"),
    "not_found": ("inconnu d'INSi", "inconnus d'INSi"),
    "several": ("avec plusieurs réponses possibles", "avec plusieurs réponses possibles"),
    "unchanged": ("déjà à jour", "déjà à jour"),
    "verified": ("confirmé par INSi (vérification reconstruite)", "confirmés par INSi (vérification reconstruite)"),
    "unverified": (
        "non confirmé par INSi, INS retirée (vérification reconstruite)",
        "non confirmés par INSi, INS retirées (vérification reconstruite)",
    ),
    "refused": ("que Relais n'a pas pu demander (traits à corriger)", "que Relais n'a pas pu demander (traits à corriger)"),
    "failed": ("sans réponse d'INSi", "sans réponse d'INSi"),
}


class BatchCard(msgspec.Struct, frozen=True, kw_only=True):
    """One list."""

    id: str
    title: str
    badge: Badge
    started: Moment
    total: int
    done: int
    progress: str
    estimate: Moment | None
    outcomes: tuple[str, ...]
    explanation: Explanation | None
    refused: tuple[Explanation, ...]
    open: bool


def batch_card(batch: BatchView, now: datetime) -> BatchCard:
    """A list laid out, its dates told as of `now`."""
    over = batch.state in _OVER
    counts = ((name, count) for name, count in batch.outcomes.items() if count)
    return BatchCard(
        id=batch.id,
        title=_KINDS.get(batch.kind, "Liste de patients"),
        badge=_badge(batch),
        started=told(batch.created_at, now),
        total=batch.total,
        done=batch.done,
        progress=f"{batch.done} sur {many(batch.total, '1 patient', '{} patients')}",
        estimate=told(batch.estimated_end, now) if batch.estimated_end is not None and not over else None,
        outcomes=tuple(_outcome(name, count) for name, count in counts),
        explanation=None if over else batch.explanation,
        refused=tuple(one.explanation for one in batch.refused),
        open=not over,
    )


def _badge(batch: BatchView) -> Badge:
    if batch.state != "running":
        return STATES.get(batch.state, badge(batch.state, "going"))
    return STATES["paused" if batch.explanation is not None else "night" if batch.night else "running"]


def _outcome(name: str, count: int) -> str:
    one, several = _OUTCOMES.get(name, (name, name))
    return many(count, f"1 patient {one}", f"{{}} patients {several}")
