"""To whom an act on an identity is imputed: a professional or a secretary of the structure, else the workstation's software alone."""

from __future__ import annotations

import msgspec

from gateway.flow.caller import ACTOR, Caller
from gateway.flow.errors import ActorNeeded, ActorUnknown
from gateway.flow.identities.views import PersonView
from gateway.ins.identity import Actor
from gateway.kernel.config import Structure


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts, and from which workstation; None for the box itself."""

    actor: Actor
    workstation: str | None = None

    @property
    def imputed(self) -> str:
        """How the audit trail names them."""
        return self.actor.kind if self.actor.kind == "system" else f"{self.actor.kind}:{self.actor.id}"


THE_BOX = Author(actor=Actor(kind="system", id="relais"))
"""Acts nobody asked for: night verifications, retries."""


def author_of(structure: Structure, caller: Caller) -> Author:
    """The person named, else the workstation; raises ActorUnknown."""
    if caller.actor is not None:
        return person_of(structure, caller)
    return Author(actor=Actor(kind="workstation", id=caller.workstation), workstation=caller.workstation)


def person_of(structure: Structure, caller: Caller) -> Author:
    """The person who answers for an act; raises ActorNeeded, ActorUnknown."""
    if caller.actor is None:
        raise ActorNeeded(field=ACTOR)
    actor = _person(structure, caller.actor)
    if actor is None:
        raise ActorUnknown(field=ACTOR)
    return Author(actor=actor, workstation=caller.workstation)


def people_of(structure: Structure) -> tuple[PersonView, ...]:
    """Everyone an act may be imputed to: professionals first."""
    doctors = [PersonView(id=one.id, name=f"{one.given} {one.family}", professional=True) for one in structure.professionals]
    others = [PersonView(id=one.id, name=f"{one.given} {one.family}", professional=False) for one in structure.secretaries]
    return (*doctors, *others)


def _person(structure: Structure, identifier: str) -> Actor | None:
    if structure.professional(identifier) is not None:
        return Actor(kind="professional", id=identifier)
    if structure.secretary(identifier) is not None:
        return Actor(kind="secretary", id=identifier)
    return None
