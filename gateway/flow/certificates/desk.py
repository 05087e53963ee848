"""What a person does about the next certificate of a role: look, rehearse, put into use, come back. Each act is audited with its author."""

from __future__ import annotations

from datetime import datetime

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.certificates import succession
from gateway.flow.certificates.successions import Place, Successions
from gateway.flow.certificates.views import RehearsalView, SuccessionPage, SuccessionView
from gateway.flow.errors import NotFound
from gateway.flow.people import person_of
from gateway.flow.views import instant
from gateway.journal.records import SuccessionRecord
from gateway.journal.store import Store
from gateway.kernel.errors import Explanation, Refused
from gateway.trust.roles import Role

_STATES = {
    "waiting": "Un certificat suivant attend : son essai n'est pas terminé.",
    "rehearsed": "Le certificat suivant est prêt : son essai est bon.",
    "refused": "Le certificat suivant a été refusé à l'essai ; l'actuel reste en service.",
    "switching": "La mise en service est en cours.",
    "watched": "Le nouveau certificat est en service ; Relais le surveille pendant sa première heure.",
    "returning": "Le retour à l'ancien certificat est en cours.",
    "returned": "Le nouveau certificat a été retiré : l'ancien est de nouveau en service.",
    "settled": "Le nouveau certificat est en service.",
}
_CALLED_BACK = Explanation(
    code="certificate-called-back",
    who="votre installateur",
    what="L'ancien certificat a été remis en service à la demande d'une personne.",
    gesture="Quand la cause est connue, essayez de nouveau le certificat suivant, puis mettez-le en service.",
)


class SuccessionAbsent(NotFound):
    """No certificate waits for this role, and none has taken over."""

    code = "certificate-next-absent"
    title = "Pas de certificat suivant"
    what = "Aucun certificat suivant n'attend pour cet usage."
    gesture = "Importez d'abord le nouveau certificat comme « certificat suivant »."


class NotRehearsed(Refused):
    """Only a certificate that every service took may be put into use."""

    code = "certificate-not-rehearsed"
    status = 409
    title = "Essai nécessaire"
    who = "votre installateur"
    what = "Le certificat suivant ne peut pas être mis en service : son essai n'est pas bon."
    gesture = "Relancez l'essai ; s'il reste mauvais, vérifiez le certificat. L'actuel reste en service."


class NoFormer(Refused):
    """There is nothing to come back to."""

    code = "certificate-no-former"
    status = 409
    title = "Pas d'ancien certificat"
    who = "votre installateur"
    what = "Il n'y a pas d'ancien certificat à remettre en service pour cet usage, ou il ne peut plus servir."
    gesture = "Gardez le certificat actuel, ou importez-en un autre."


class SuccessionDesk:
    """The acts of the callers of a structure."""

    def __init__(self, store: Store, books: Bookkeeper, successions: Successions) -> None:
        self._store = store
        self._books = books
        self._successions = successions

    async def page(self, caller: Caller) -> SuccessionPage:
        """Every role of the caller's structures that changes certificate, or has."""
        rows = [one for one in await self._store.successions() if _may_see(caller, one.structure) and self._concerns(one)]
        return SuccessionPage(items=tuple(self._view(one) for one in rows))

    async def rehearse(self, caller: Caller, structure: str, role: str) -> SuccessionView:
        """Try the next certificate at each service now; raises SuccessionAbsent, ActorUnknown, ClockNotTrusted."""
        place = self._place(caller, structure, role)
        return self._shown(await self._successions.rehearse(place, self._actor(caller, structure)))

    async def switch(self, caller: Caller, structure: str, role: str) -> SuccessionView:
        """Put the next certificate into use; raises SuccessionAbsent, ActorUnknown, NotRehearsed, ClockNotTrusted."""
        place = self._place(caller, structure, role)
        after = self._shown(await self._successions.switch(place, self._actor(caller, structure)))
        if after.state not in ("watched", "settled"):
            raise NotRehearsed
        return after

    async def call_back(self, caller: Caller, structure: str, role: str) -> SuccessionView:
        """Come back to the former certificate; raises SuccessionAbsent, ActorUnknown, NoFormer, ClockNotTrusted."""
        place = self._place(caller, structure, role)
        after = self._shown(await self._successions.call_back(place, self._actor(caller, structure), _CALLED_BACK))
        if after.state != "returned":
            raise NoFormer
        return after

    def _place(self, caller: Caller, structure: str, role: str) -> Place:
        if role not in tuple(Role) or not _may_see(caller, structure):
            raise SuccessionAbsent
        self._books.check_time()
        return structure, Role(role)

    def _actor(self, caller: Caller, structure: str) -> str:
        """The workstation alone when it names nobody; a person who is named is one of the structure."""
        known = self._successions.structure(structure)
        return person_of(known, caller).imputed if known is not None and caller.actor is not None else f"workstation:{caller.workstation}"

    def _shown(self, record: SuccessionRecord | None) -> SuccessionView:
        if record is None or not self._concerns(record):
            raise SuccessionAbsent
        return self._view(record)

    def _concerns(self, record: SuccessionRecord) -> bool:
        """False for a next certificate that was taken away since."""
        moved = succession.under_way(record) or record.state == "settled"
        return moved or self._successions.waits((record.structure, Role(record.role))) == record.following

    def _view(self, record: SuccessionRecord) -> SuccessionView:
        return SuccessionView(
            structure=record.structure,
            role=record.role,
            state=record.state,
            what=_STATES[record.state],
            following=record.following,
            rehearsal=tuple(
                RehearsalView(service=one.service, outcome=one.outcome, what=one.what, code=one.code or None)
                for one in succession.steps_of(record)
            ),
            rehearsed_at=_moment(record.rehearsed_at),
            switched_at=_moment(record.switched_at),
            watched_until=_moment(record.watched_until),
            may_switch=succession.may_be_switched(record),
            may_return=succession.may_be_called_back(record),
            explanation=record.explanation,
        )


def _may_see(caller: Caller, structure: str) -> bool:
    return caller.sees_all or structure in caller.structures


def _moment(at: int | None) -> datetime | None:
    return instant(at) if at is not None else None
