"""To whom an act on an identity is imputed: a professional or a secretary of the structure, else the workstation's software alone."""

from __future__ import annotations

import msgspec

from gateway.flow.caller import Caller
from gateway.flow.identities.views import PersonView
from gateway.ins.identity import Actor
from gateway.kernel.config import Structure
from gateway.kernel.errors import Refused


class ActorNeeded(Refused):
    """The act is imputed to a person, and nobody was named."""

    code = "actor-needed"
    title = "Personne à indiquer"
    what = "Ce geste engage une personne : il faut dire qui le fait."
    gesture = "Indiquez le professionnel ou la secrétaire qui agit, puis recommencez."


class ActorUnknown(Refused):
    """The person named is neither a professional nor a secretary of the structure."""

    code = "actor-unknown"
    title = "Personne inconnue"
    what = "La personne indiquée n'est ni un professionnel ni une secrétaire déclarés dans cette structure."
    gesture = "Vérifiez son identifiant, ou faites-la déclarer dans le boîtier."


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
    """The person named when the structure knows them, else the workstation."""
    actor = _person(structure, caller.actor) if caller.actor is not None else None
    return Author(actor=actor or Actor(kind="workstation", id=caller.workstation), workstation=caller.workstation)


def person_of(structure: Structure, caller: Caller) -> Author:
    """The person who answers for an act; raises ActorNeeded, ActorUnknown."""
    if caller.actor is None:
        raise ActorNeeded(field="Relais-Actor")
    actor = _person(structure, caller.actor)
    if actor is None:
        raise ActorUnknown(field="Relais-Actor")
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
