"""Who sits at the page: one of the people of the structure, chosen without default, remembered until the session ends, changeable.

The workstation is known by its token; the person it says acts goes with each gesture, as Relais-Actor does for a cabinet software.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency as Given

from gateway.flow.caller import Caller
from gateway.flow.identities.views import PersonView
from gateway.flow.relay import Relay
from gateway.kernel.errors import Refused
from gateway.web.access import Visitor, read_form, see_other
from gateway.web.sessions import Sessions

FIELD = "vous"


class PersonNeeded(Refused):
    """The form says nobody, or somebody who is not of this structure."""

    code = "person-needed"
    title = "Votre nom est nécessaire"
    who = "le secrétariat"
    what = "Ce geste est enregistré à votre nom : il faut dire qui vous êtes."
    gesture = "Choisissez votre nom dans « Vous êtes », puis recommencez."


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """The people of a structure, and which of them sits here; None while nobody said so."""

    structure: str
    people: tuple[PersonView, ...]
    person: PersonView | None

    @property
    def professionals(self) -> tuple[PersonView, ...]:
        """Those who may answer for the exceptional procedure."""
        return tuple(one for one in self.people if one.professional)


def seat_of(relay: Relay, sessions: Sessions, visitor: Visitor, structure: str) -> Seat:
    """Who may sit here, and who does."""
    people = relay.identities.people(visitor.caller, structure)
    chosen = sessions.person(visitor.session, structure)
    return Seat(structure=structure, people=people, person=next((one for one in people if one.id == chosen), None))


def acting(relay: Relay, sessions: Sessions, visitor: Visitor, structure: str, fields: dict[str, str]) -> Caller:
    """The caller with the person who acts, and remembers them when the form has just said so; raises PersonNeeded."""
    seat = seat_of(relay, sessions, visitor, structure)
    said = fields.get(FIELD, "")
    person = next((one for one in seat.people if one.id == said), None) if said else seat.person
    if person is None:
        raise PersonNeeded(field=FIELD)
    sessions.sit(visitor.session, structure, person.id)
    return relay.gate.named(visitor.caller, person.id)


@post("/identites/vous", include_in_schema=False, status_code=303)
async def stand_up(request: Request[Any, Any, Any], sessions: Given[Sessions], visitor: Given[Visitor]) -> Response[Any]:
    """Forget who sits here: the next form asks again."""
    fields = await read_form(request, sessions, visitor.session)
    sessions.sit(visitor.session, fields.get("structure", ""), None)
    back = fields.get("retour", "")
    return see_other(back if back.startswith(("/identites", "/lots", "/certificats")) and "\\" not in back else "/identites")
