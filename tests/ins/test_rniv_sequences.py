"""Whatever happens, in whatever order: what may never be true of an identity never is."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ins.evidence import ATTESTATION, WELL_KNOWN
from gateway.ins.form import words
from gateway.ins.identity import Attribute, Identity, Method
from gateway.ins.rniv import (
    Asserted,
    AttributesSet,
    Event,
    EvidenceChecked,
    InsAccepted,
    InsRefused,
    TraitsEdited,
    VerificationFailed,
    VerificationPassed,
    step,
)
from gateway.kernel.errors import Refused
from gateway.model.patient import IdentityStatus, Sex, Traits
from tests.ins.identities import ACTORS, INS, OLD_INS, OTHER_INS, identity, national, traits

_LISTS = (("ZOE MARIE", "ZOE"), ("ZOE", "ZOE"), ("Zoé-Marie", "Zoé-Marie"), ("ZOE PAULE", "ZOE"), ("MARIE ZOE", "MARIE"))
_PLACES = ("63220", "2A020", "2B020", "20020", "99999")
_DATES = ("1975-12-31", "1975-00-00", "1975-12-30")


@st.composite
def _traits(draw: st.DrawFn) -> Traits:
    listed, first = draw(st.sampled_from(_LISTS))
    return traits(
        birth_family_name=draw(st.sampled_from(["ADRUN", "Adrun", "DURAND"])),
        birth_given_names=listed,
        first_birth_given_name=first,
        sex=draw(st.sampled_from(list(Sex))),
        birth_date=draw(st.sampled_from(_DATES)),
        birth_place=draw(st.sampled_from(_PLACES)),
        used_family_name=draw(st.sampled_from([None, "PETIT"])),
    )


_ACTOR = st.sampled_from(ACTORS)
_INS = st.sampled_from([None, INS, OTHER_INS, OLD_INS])
_FOUND = st.builds(
    national,
    ins=st.sampled_from([INS, OTHER_INS]),
    birth_family_name=st.sampled_from([None, "ADRUN", "DURAND"]),
    birth_given_names=st.sampled_from([None, *(listed for listed, _ in _LISTS)]),
    sex=st.sampled_from([None, "F", "M", "X"]),
    birth_date=st.sampled_from([None, "0000-00-00", *_DATES]),
    birth_place=st.sampled_from([None, "PARIS", *_PLACES]),
)
_EVENT: st.SearchStrategy[Event] = st.one_of(
    st.builds(TraitsEdited, traits=_traits()),
    st.builds(InsAccepted, found=_FOUND, method=st.sampled_from(Method), at=st.integers(0, 99), by=_ACTOR),
    st.builds(InsRefused, at=st.just(1), by=_ACTOR),
    st.builds(
        EvidenceChecked,
        kind=st.sampled_from(["PA", "CN", "CV", WELL_KNOWN]) | st.text(max_size=3),
        at=st.integers(0, 99),
        by=_ACTOR,
        attestation=st.sampled_from([None, "", ATTESTATION]) | st.text(max_size=5),
    ),
    st.builds(AttributesSet, attributes=st.frozensets(st.sampled_from(Attribute)), at=st.just(1), by=_ACTOR),
    st.builds(VerificationFailed, at=st.just(1), by=_ACTOR, ins=_INS),
    st.builds(VerificationPassed, at=st.just(1), by=_ACTOR, ins=_INS),
    st.builds(Asserted, status=st.none() | st.sampled_from(IdentityStatus), ins=_INS, at=st.integers(0, 99), by=_ACTOR),
)
_BARS = frozenset({Attribute.DOUTEUSE, Attribute.FICTIVE})


def _person(one: Traits) -> tuple[object, ...]:
    """Who the strict traits speak of, seen coarsely and by code of the test's own."""
    corsica = {"2A": "20", "2B": "20"}.get(one.birth_place[:2], one.birth_place[:2])
    return words(one.birth_family_name), words(one.first_birth_given_name)[0], one.sex, one.birth_date[:4], corsica + one.birth_place[2:]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(_traits(), st.lists(_EVENT, max_size=25))
def test_no_sequence_of_events_leads_where_rniv_forbids(start: Traits, happened: list[Event]) -> None:
    held = identity(traits=start)
    for event in happened:
        before = held
        with contextlib.suppress(Refused):
            held = step(before, event)
        _judge(before, event, held)


def _judge(before: Identity, event: Event, after: Identity) -> None:
    assert (after.status is IdentityStatus.QUALIFIEE) == (after.recovery is not None and after.check is not None)
    if after.attributes & _BARS:
        assert (after.recovery, after.check, after.patient.ins) == (None, None, None)
    if isinstance(event, TraitsEdited) and _person(before.traits) != _person(after.traits):
        assert (after.recovery, after.check) == (None, None)
    if after.recovery is not None and before.recovery is None:
        assert isinstance(event, InsAccepted | Asserted)
    if after.check is not None and before.check is None:
        assert isinstance(event, EvidenceChecked | Asserted)
        assert isinstance(event, Asserted) == after.check.asserted
    own = before.recovery if before.recovery is not None and not before.recovery.asserted else None
    if own is not None and isinstance(event, Asserted):
        assert after.recovery == own
    if not isinstance(event, TraitsEdited | InsAccepted):
        assert after.traits == before.traits
