"""What a person does about an identity from the page: search, decide, qualify, set an attribute. One form per gesture.

After it, the same patient while something is left to do for them, else the next line of the worklist. Flow alone decides what is
allowed; a refusal of its is shown in its own words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency as Given
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from gateway.flow.caller import Caller
from gateway.flow.identities.request import AttributesBody, DecisionBody, QualificationBody, SearchBody, SearchTraits
from gateway.flow.identities.views import DeferredView, IdentityView, SearchView
from gateway.flow.relay import Relay
from gateway.kernel.errors import RelaisError
from gateway.web.access import Visitor, read_form, see_other
from gateway.web.addresses import TASKS, Place, identity_address, local_id_of, place_of
from gateway.web.card_choice import access_of
from gateway.web.faults import FormIncomplete, refused_notice, said_in
from gateway.web.identities import LISTED
from gateway.web.identity_words import ATTRIBUTES, BARRING, status_badge, typed_date
from gateway.web.persons import acting
from gateway.web.sessions import Notice, Sessions
from gateway.web.words import many

_Body = TypeVar("_Body")


_DEFERRED = Notice(
    tone="act",
    what="INSi ne répond pas pour le moment : Relais continue la recherche tout seul.",
    gesture="Vous n'avez rien à faire : ce patient reviendra dans cette liste avec la réponse.",
)


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a gesture: what to say, whether the case is over, which answer of INSi asks for more."""

    notice: Notice
    over: bool = False
    answered: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """The form sent: for whom, by whom, with what."""

    relay: Relay
    caller: Caller
    structure: str
    local_id: str
    fields: dict[str, str]

    def chosen(self, field: str) -> str:
        """What the form says there; raises FormIncomplete when it says nothing."""
        if not self.fields.get(field, "").strip():
            raise FormIncomplete(field=field)
        return self.fields[field]

    def body(self, kind: type[_Body], **facts: Any) -> _Body:
        """The body that flow expects; raises FormIncomplete."""
        try:
            return msgspec.convert({"structure": self.structure, **facts}, kind)
        except msgspec.ValidationError:
            raise FormIncomplete from None


async def _search(case: Case) -> Came:
    """Ask INSi with the traits of the registry, or with those of the form when it says some."""
    traits = _criteria(case) if "nom" in case.fields else None
    purpose = "document" if case.fields.get("attendent") else "reception"
    body = case.body(SearchBody, local_id=case.local_id, traits=traits, purpose=purpose, defer=True)
    return _found(case, await case.relay.searches.search(case.caller, body))


async def _search_by_card(case: Case) -> Came:
    """The same, signed by the professional's card that the form names."""
    access = access_of(case.fields)
    body = msgspec.structs.replace(case.body(SearchBody, local_id=case.local_id, purpose="reception"), cps=access)
    return _found(case, await case.relay.searches.search(case.caller, body))


def _found(case: Case, found: SearchView | DeferredView) -> Came:
    if isinstance(found, DeferredView):
        return Came(notice=_DEFERRED, over=True)
    if found.cr != "00":
        what = "INSi ne connaît personne avec ces traits." if found.cr == "01" else "INSi connaît plusieurs personnes avec ces traits."
        return Came(notice=Notice(tone="act", what=what, gesture=found.advice or "", said=said_in(case.fields)), answered=found.cr)
    if found.proposal is None:
        return Came(notice=Notice(tone="ok", what="INSi a trouvé exactement cette identité : l'INS est enregistrée."))
    return Came(notice=Notice(tone="ok", what="INSi a trouvé une identité. Comparez-la avec la vôtre, puis décidez."))


async def _decide(case: Case) -> Came:
    """Take the identity of INSi, or leave it."""
    decision = case.chosen("decision")
    body = case.body(DecisionBody, decision=decision, proposal=case.fields.get("proposition", ""))
    view = await case.relay.identities.decide(case.caller, case.local_id, body)
    if decision == "refuse":
        return Came(notice=Notice(tone="ok", what="L'identité d'INSi est refusée : la vôtre n'a pas changé."), over=True)
    status = status_badge(view.status).text.lower()
    return Came(notice=Notice(tone="ok", what=f"L'identité d'INSi est acceptée. Statut : {status}."), over=view.task is None)


async def _qualify(case: Case) -> Came:
    """Record the document seen, or the attestation of a well-known patient."""
    seen_at = case.fields.get("vu") or None
    body = case.body(QualificationBody, evidence=case.chosen("piece"), attestation=case.fields.get("attestation"), seen_at=seen_at)
    before = await case.relay.identities.read(case.caller, case.structure, case.local_id)
    view = await case.relay.identities.qualify(case.caller, case.local_id, body)
    return Came(notice=_checked(view, before.waiting_deliveries), over=view.task is None)


async def _accept_and_qualify(case: Case) -> Came:
    """Both gestures at once, for an identity that INSi gave alike: nothing is taken without a document that the structure admits."""
    admitted = case.relay.identities.evidence(case.caller, case.structure)
    if case.chosen("piece") not in {one.code for one in admitted if not one.exceptional}:
        raise FormIncomplete(field="piece")
    await _decide(msgspec.structs.replace(case, fields={**case.fields, "decision": "accept"}))
    # The proposal accepted just now was of what the page showed.
    return await _qualify(msgspec.structs.replace(case, fields={**case.fields, "vu": ""}))


async def _set_attribute(case: Case) -> Came:
    """Set an attribute or lift it, the others staying; fictive stands alone."""
    words = next((one for one in ATTRIBUTES if one.code == case.fields.get("attribut")), None)
    if words is None:
        raise FormIncomplete
    held = set((await case.relay.identities.read(case.caller, case.structure, case.local_id)).attributes)
    lifting = case.fields.get("sens") == "retirer"
    wanted = held - {words.code} if lifting else {words.code} if words.code == "fictive" else held | {words.code}
    body = case.body(AttributesBody, attributes=tuple(sorted(wanted)))
    await case.relay.identities.set_attributes(case.caller, case.local_id, body)
    name = f"« {words.badge.text.lower()} »"
    if lifting:
        return Came(notice=Notice(tone="ok", what=f"L'attribut {name} est retiré."))
    return Came(notice=Notice(tone="ok", what=f"L'attribut {name} est enregistré."), over=words.code in BARRING)


_GESTURES: dict[str, Callable[[Case], Awaitable[Came]]] = {
    "rechercher": _search,
    "rechercher-par-carte": _search_by_card,
    "decider": _decide,
    "qualifier": _qualify,
    "accepter-et-qualifier": _accept_and_qualify,
    "attribut": _set_attribute,
}


@post("/identites/{structure:str}/{dossier:str}/{gesture:str}", include_in_schema=False, status_code=303)
async def act_on_identity(
    request: Request[Any, Any, Any],
    relay: Given[Relay],
    sessions: Given[Sessions],
    visitor: Given[Visitor],
    structure: FromPath[str],
    dossier: FromPath[str],
    gesture: FromPath[str],
) -> Response[Any]:
    """Do it, say what came of it, and go to what is next."""
    act, local_id = _GESTURES.get(gesture), local_id_of(dossier)
    if act is None:
        raise NotFoundException
    fields = await read_form(request, sessions, visitor.session)
    place = place_of(fields.get("tache", ""), fields.get("apres", ""))
    here = identity_address(structure, local_id)
    following = await _following(relay, visitor, place, here)
    try:
        caller = acting(relay, sessions, visitor, structure, fields)
        came = await act(Case(relay=relay, caller=caller, structure=structure, local_id=local_id, fields=fields))
    except RelaisError as refusal:
        came = Came(notice=refused_notice(refusal, fields), answered=fields.get("reponse", ""))
    sessions.leave(visitor.session, came.notice)
    if came.over:
        return see_other(_with("/identites" + place.query, suite=following))
    return see_other(_with(here + place.query, reponse=came.answered))


async def _following(relay: Relay, visitor: Visitor, place: Place, here: str) -> str:
    """The line after this one on the page of the worklist where the visitor comes from; empty for the first."""
    found = await relay.identities.worklist(visitor.caller, None, TASKS.get(place.task), place.cursor or None, LISTED)
    lines = [identity_address(one.structure, one.local_id) for one in found.items]
    return next((after for one, after in pairwise(lines) if one == here), "")


def _with(address: str, **more: str) -> str:
    given = urlencode({name: value for name, value in more.items() if value})
    return f"{address}{'&' if '?' in address else '?'}{given}" if given else address


def _criteria(case: Case) -> SearchTraits:
    """What the form says to search by; raises FormIncomplete."""
    said = {
        "birth_family_name": case.chosen("nom").strip(),
        "given_names": case.chosen("prenoms").split(),
        "sex": case.chosen("sexe"),
        "birth_date": typed_date(case.chosen("naissance")),
        "birth_place": case.fields.get("lieu", "").strip().upper() or None,
    }
    try:
        return msgspec.convert(said, SearchTraits)
    except msgspec.ValidationError:
        raise FormIncomplete from None


def _checked(view: IdentityView, waited: int) -> Notice:
    if view.status != "QUAL":
        return Notice(tone="ok", what="La pièce d'identité est enregistrée.", gesture="Il reste à trouver l'INS avec INSi.")
    leaving = many(waited, " 1 envoi qui attendait va partir.", " {} envois qui attendaient vont partir.") if waited else ""
    return Notice(tone="ok", what=f"L'identité du dossier {view.local_id} est qualifiée.{leaving}")
