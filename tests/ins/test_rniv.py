"""The engine over every identity, every event, every actor; and rule by rule."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.flow.identities.entries import Kept
from gateway.ins.evidence import ATTESTATION, WELL_KNOWN, EvidenceUnknown
from gateway.ins.identity import Actor, Attribute, ForbiddenIdentity, Identity, Method
from gateway.ins.refusals import (
    AttestationMissing,
    AttestationUnexpected,
    AttributesForbidden,
    IdentityBarred,
    InsConflict,
    NotARecovery,
    PerfectMatchNeeded,
    PersonNeeded,
    ProfessionalNeeded,
    VitaleNeeded,
)
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
from gateway.kernel.errors import Refused, RelaisError
from gateway.kernel.oids import INS_NIA, INS_NIR, INS_NIR_DEMO, INS_NIR_TEST
from gateway.model.patient import IdentityStatus, Ins, MatriculeKeyWrong, Sex, Traits
from tests.ins.identities import (
    ACTORS,
    BARRED,
    BOX,
    DOCTOR,
    INS,
    NAMELESS,
    OID,
    OLD_INS,
    OTHER_INS,
    SECRETARY,
    SOFTWARE,
    ZOE,
    check,
    every_identity,
    identity,
    national,
    recovery,
    traits,
)

PROV, RECUP, VALI, QUAL = (
    IdentityStatus.PROVISOIRE,
    IdentityStatus.RECUPEREE,
    IdentityStatus.VALIDEE,
    IdentityStatus.QUALIFIEE,
)
EVERY_SET = tuple(
    frozenset(one for one, taken in zip(Attribute, mask, strict=True) if taken) for mask in product((False, True), repeat=len(Attribute))
)
STRICT = (
    traits(birth_family_name="DURAND"),
    traits(birth_given_names="MARIE ZOE", first_birth_given_name="MARIE"),
    traits(birth_given_names="ZOE PAULE"),
    traits(sex=Sex.MALE),
    traits(birth_date="1975-12-30"),
    traits(birth_place="63113"),
)
HARMLESS = (
    traits(birth_family_name="Adrun"),
    traits(birth_given_names="Zoé-Marie", first_birth_given_name="Zoé"),
    traits(birth_given_names="ZOE MARIE CLAIRE"),
    traits(birth_given_names="ZOE"),
    traits(first_birth_given_name="ZOE MARIE"),
    traits(used_family_name="PETIT", used_given_name="ZAZA"),
)


def events(by: Actor) -> tuple[Event, ...]:
    """Every event, in every shape that matters."""
    kinds = ("PA", "CN", "CV", "PC", WELL_KNOWN, "")
    answers = (national(), national(ins=OTHER_INS), national(birth_family_name="DURAND"), national(sex="X"))
    return (
        *(TraitsEdited(traits=one) for one in (ZOE, *STRICT, *HARMLESS)),
        *(InsAccepted(found=one, method=method, at=9, by=by) for one in answers for method in Method),
        InsRefused(at=9, by=by),
        *(EvidenceChecked(kind=kind, at=9, by=by, attestation=text) for kind in kinds for text in (None, "", "oui", ATTESTATION)),
        *(AttributesSet(attributes=one, at=9, by=by) for one in EVERY_SET),
        *(kind(at=9, by=by, ins=ins) for kind in (VerificationFailed, VerificationPassed) for ins in (None, INS, OTHER_INS)),
        *(Asserted(status=status, ins=ins, at=9, by=by) for status in (None, *IdentityStatus) for ins in (None, INS, OTHER_INS, OLD_INS)),
    )


def outcome(before: Identity, event: Event) -> Identity | RelaisError:
    try:
        return step(before, event)
    except Refused as refusal:
        return refusal


def test_every_state_event_and_actor_gives_an_identity_that_rniv_allows_or_a_refusal() -> None:
    pairs = 0
    for before in every_identity():
        for by in ACTORS:
            for event in events(by):
                after = outcome(before, event)
                pairs += 1
                if isinstance(after, Refused):
                    assert after.explanation.what
                    assert after.explanation.gesture
                    assert "ADRUN" not in f"{after} {after.technical} {after.explanation}"
                    continue
                assert isinstance(after, Identity)
                assert after.local_id == before.local_id
                barred = after.attributes & {Attribute.DOUTEUSE, Attribute.FICTIVE}
                assert not barred or after.status is PROV
                assert (after.status is QUAL) == (after.recovery is not None and after.check is not None)
                # Events are idempotent: what is said twice is said once.
                assert outcome(after, event) == after
    assert pairs > 10_000


def test_the_four_statuses_cannot_be_built_against_their_facts() -> None:
    for marks in BARRED:
        with pytest.raises(ForbiddenIdentity):
            identity(attributes=marks, recovery=recovery())
        with pytest.raises(ForbiddenIdentity):
            identity(attributes=marks, check=check())
    with pytest.raises(ForbiddenIdentity):
        identity(attributes=frozenset({Attribute.FICTIVE, Attribute.DOUTEUSE}))


@pytest.mark.parametrize(
    ("before", "after_answer", "after_document"),
    [
        (identity(), RECUP, VALI),
        (identity(recovery=recovery()), RECUP, QUAL),
        (identity(check=check()), QUAL, VALI),
        (identity(recovery=recovery(), check=check()), QUAL, QUAL),
    ],
)
def test_transitions_of_the_table(before: Identity, after_answer: IdentityStatus, after_document: IdentityStatus) -> None:
    assert step(before, InsAccepted(found=national(), method=Method.TRAITS, at=9, by=SECRETARY)).status is after_answer
    assert step(before, EvidenceChecked(kind="PA", at=9, by=SECRETARY)).status is after_document


def test_a01_an_answer_recovers_a_provisional_identity() -> None:
    after = step(identity(), InsAccepted(found=national(), method=Method.TRAITS, at=9, by=BOX))
    assert (after.status, after.patient.ins) == (RECUP, INS)
    assert not after.patient.qualified


def test_a02_a_passport_qualifies_a_recovered_identity() -> None:
    after = step(identity(recovery=recovery()), EvidenceChecked(kind="PA", at=9, by=SECRETARY))
    assert after.status is QUAL
    assert after.patient.qualified
    assert after.check == check(at=9)


@pytest.mark.parametrize("marks", BARRED)
def test_a22_a_barred_identity_takes_nothing_and_may_not_be_asked_for(marks: frozenset[Attribute]) -> None:
    barred = identity(attributes=marks)
    assert not barred.may_call_insi
    with pytest.raises(IdentityBarred):
        step(barred, InsAccepted(found=national(), method=Method.TRAITS, at=9, by=DOCTOR))
    with pytest.raises(IdentityBarred):
        step(barred, EvidenceChecked(kind="PA", at=9, by=DOCTOR))
    assert step(barred, Asserted(status=QUAL, ins=INS, at=9, by=SOFTWARE)) == barred


def test_a23_a_lunar_date_is_kept_verbatim_beside_the_completed_one() -> None:
    before = identity(traits=traits(birth_date="1950-06-15"))
    found = national(birth_date="1950-00-00")
    assert step(before, InsRefused(at=9, by=SECRETARY)) == before
    after = step(before, InsAccepted(found=found, method=Method.TRAITS, at=9, by=SECRETARY))
    assert after.recovery is not None
    assert after.recovery.national_birth_date == "1950-00-00"
    assert after.traits.birth_date == "1950-12-31"


@pytest.mark.parametrize("before", [one for one in every_identity() if one.status is not QUAL])
def test_a27_nothing_but_a_qualified_identity_may_leave(before: Identity) -> None:
    assert not before.patient.qualified


@pytest.mark.parametrize("edited", STRICT)
def test_a_strict_change_takes_the_ins_and_the_check(edited: Traits) -> None:
    for before in every_identity():
        after = step(before, TraitsEdited(traits=edited))
        assert (after.recovery, after.check, after.traits) == (None, None, edited)


@pytest.mark.parametrize("edited", HARMLESS)
def test_form_completion_and_used_names_take_nothing(edited: Traits) -> None:
    for before in every_identity():
        after = step(before, TraitsEdited(traits=edited))
        assert (after.recovery, after.check) == (before.recovery, before.check)
        assert (after.traits.used_family_name, after.traits.used_given_name) == (edited.used_family_name, edited.used_given_name)
        after.traits.check()


def test_the_writing_of_insi_stays_and_the_first_given_name_may_be_chosen_in_it() -> None:
    held = identity(recovery=recovery(), check=check())
    assert step(held, TraitsEdited(traits=traits(birth_family_name="Adrun", birth_given_names="Zoé"))).traits == ZOE
    chosen = step(held, TraitsEdited(traits=traits(birth_given_names="Zoé-Marie", first_birth_given_name="Zoé-Marie")))
    assert chosen.traits == traits(first_birth_given_name="ZOE MARIE")


@pytest.mark.parametrize(
    ("start", "path"),
    [
        (ZOE, (traits(birth_given_names="ZOE"), traits(birth_given_names="ZOE PAULE"))),
        (traits(birth_given_names="ZOE"), (traits(birth_given_names="ZOE MARIE"), traits(birth_given_names="ZOE PAULE"))),
        (traits(birth_place="2A020"), (traits(birth_place="20020"), traits(birth_place="2B020"))),
    ],
)
def test_no_path_of_harmless_edits_ends_as_someone_else(start: Traits, path: tuple[Traits, ...]) -> None:
    held = identity(traits=start, recovery=recovery(asserted=True), check=check())
    *harmless, last = path
    for one in harmless:
        held = step(held, TraitsEdited(traits=one))
        assert held.status is QUAL
    assert step(held, TraitsEdited(traits=last)).status is PROV


def test_a_contradicting_answer_ends_the_check_and_a_completing_one_does_not() -> None:
    seen = identity(check=check())
    accepted = InsAccepted(found=national(birth_family_name="DURAND"), method=Method.TRAITS, at=9, by=SECRETARY)
    assert step(seen, accepted).status is RECUP
    assert step(seen, accepted).traits.birth_family_name == "DURAND"
    less = identity(traits=traits(birth_given_names="Zoé", first_birth_given_name="Zoé", birth_place="99999"), check=check())
    after = step(less, InsAccepted(found=national(), method=Method.TRAITS, at=9, by=SECRETARY))
    assert (after.status, after.traits) == (QUAL, ZOE)
    assert after.recovery is not None
    assert not after.recovery.exact


def test_only_insi_recovers_and_its_key_is_recomputed() -> None:
    for method in (Method.MANUAL, Method.DATAMATRIX):
        with pytest.raises(NotARecovery):
            step(identity(), InsAccepted(found=national(), method=method, at=9, by=DOCTOR))
    wrong = national(ins=Ins(matricule="181036322045660", oid=OID))
    with pytest.raises(MatriculeKeyWrong):
        step(identity(), InsAccepted(found=wrong, method=Method.TRAITS, at=9, by=DOCTOR))
    with pytest.raises(MatriculeKeyWrong):
        step(identity(), Asserted(status=QUAL, ins=wrong.ins, at=9, by=SOFTWARE))


def test_a_failed_verification_takes_the_ins_and_leaves_the_check() -> None:
    for before in every_identity():
        after = step(before, VerificationFailed(at=9, by=BOX))
        assert (after.recovery, after.check, after.traits) == (None, before.check, before.traits)


def test_a_late_answer_about_another_ins_changes_nothing() -> None:
    for before in every_identity():
        for kind in (VerificationFailed, VerificationPassed):
            assert step(before, kind(at=9, by=BOX, ins=OTHER_INS)) == before


def test_what_insi_confirms_is_no_longer_the_software_s_word_only() -> None:
    asserted = identity(recovery=recovery(asserted=True), check=check())
    confirmed = step(asserted, VerificationPassed(at=9, by=BOX, ins=INS))
    assert confirmed.recovery is not None
    assert not confirmed.recovery.asserted
    assert step(confirmed, Asserted(status=PROV, ins=None, at=10, by=SOFTWARE)) == confirmed


@pytest.mark.parametrize("by", [SOFTWARE, BOX, NAMELESS])
def test_a_document_is_seen_by_a_person(by: Actor) -> None:
    with pytest.raises(PersonNeeded):
        step(identity(), EvidenceChecked(kind="PA", at=9, by=by))


@pytest.mark.parametrize("kind", ["CV", "PC", "CARNET", "LOGICIEL", "pa", ""])
def test_what_is_no_evidence_qualifies_nobody(kind: str) -> None:
    with pytest.raises(EvidenceUnknown):
        step(identity(recovery=recovery()), EvidenceChecked(kind=kind, at=9, by=DOCTOR))


def test_the_well_known_patient_is_qualified_by_a_professional_in_person() -> None:
    vitale = identity(recovery=recovery(method=Method.VITALE))
    seen = EvidenceChecked(kind=WELL_KNOWN, at=9, by=DOCTOR, attestation=ATTESTATION.replace("'", "’") + ".")
    assert step(vitale, seen).status is QUAL


@pytest.mark.parametrize(
    ("before", "by", "text", "refusal"),
    [
        (identity(recovery=recovery(method=Method.VITALE)), SECRETARY, ATTESTATION, ProfessionalNeeded),
        (identity(recovery=recovery(method=Method.VITALE)), SOFTWARE, ATTESTATION, PersonNeeded),
        (identity(recovery=recovery(method=Method.VITALE)), DOCTOR, None, AttestationMissing),
        (identity(recovery=recovery(method=Method.VITALE)), DOCTOR, ATTESTATION.replace("déjà ", ""), AttestationMissing),
        (identity(recovery=recovery(method=Method.VITALE)), DOCTOR, ATTESTATION.upper(), AttestationMissing),
        (identity(recovery=recovery(method=Method.VITALE, exact=False)), DOCTOR, ATTESTATION, PerfectMatchNeeded),
        (identity(recovery=recovery()), DOCTOR, ATTESTATION, VitaleNeeded),
        (identity(recovery=recovery(method=Method.VITALE, asserted=True)), DOCTOR, ATTESTATION, VitaleNeeded),
        (identity(), DOCTOR, ATTESTATION, VitaleNeeded),
    ],
)
def test_each_condition_of_the_exceptional_procedure_is_needed(
    before: Identity, by: Actor, text: str | None, refusal: type[Refused]
) -> None:
    with pytest.raises(refusal):
        step(before, EvidenceChecked(kind=WELL_KNOWN, at=9, by=by, attestation=text))


def test_a_document_comes_without_attestation() -> None:
    with pytest.raises(AttestationUnexpected):
        step(identity(), EvidenceChecked(kind="PA", at=9, by=DOCTOR, attestation=ATTESTATION))


@pytest.mark.parametrize("marks", EVERY_SET)
def test_only_douteuse_and_homonyme_go_together(marks: frozenset[Attribute]) -> None:
    event = AttributesSet(attributes=marks, at=9, by=SECRETARY)
    for before in every_identity():
        if Attribute.FICTIVE in marks and len(marks) > 1:
            with pytest.raises(AttributesForbidden):
                step(before, event)
            continue
        after = step(before, event)
        barred = bool(marks & {Attribute.DOUTEUSE, Attribute.FICTIVE})
        kept = (None, None) if barred else (before.recovery, before.check)
        assert (after.attributes, after.recovery, after.check) == (marks, *kept)


@pytest.mark.parametrize("marks", BARRED)
def test_a_software_puts_a_bar_and_only_a_person_lifts_it(marks: frozenset[Attribute]) -> None:
    held = identity(recovery=recovery(), check=check())
    barred = step(held, AttributesSet(attributes=marks, at=9, by=SOFTWARE))
    assert (barred.status, barred.attributes) == (PROV, marks)
    bars = marks - {Attribute.HOMONYME}
    for by in (SOFTWARE, BOX, NAMELESS):
        assert step(barred, AttributesSet(attributes=frozenset(), at=9, by=by)).attributes == bars
    lifted = step(barred, AttributesSet(attributes=frozenset(), at=9, by=SECRETARY))
    assert (lifted.attributes, lifted.status) == (frozenset(), PROV)


@pytest.mark.parametrize(
    ("status", "ins", "expected"),
    [
        (None, INS, PROV),
        (PROV, INS, PROV),
        (VALI, None, VALI),
        (VALI, INS, VALI),
        (RECUP, INS, RECUP),
        (RECUP, None, PROV),
        (QUAL, INS, QUAL),
        (QUAL, None, VALI),
    ],
)
def test_what_a_software_asserts_of_a_new_patient(status: IdentityStatus | None, ins: Ins | None, expected: IdentityStatus) -> None:
    after = step(identity(), Asserted(status=status, ins=ins, at=9, by=SOFTWARE))
    assert after.status is expected
    assert all(fact.asserted for fact in (after.recovery, after.check) if fact is not None)


@pytest.mark.parametrize("status", [None, *IdentityStatus])
def test_a_software_takes_back_its_own_word_and_nothing_else(status: IdentityStatus | None) -> None:
    for before in every_identity():
        after = step(before, Asserted(status=status, ins=None, at=9, by=SOFTWARE))
        if status is None or not before.may_call_insi:
            assert after == before
            continue
        for kept, fact, says in (
            (after.recovery, before.recovery, status in {RECUP, QUAL}),
            (after.check, before.check, status in {VALI, QUAL}),
        ):
            if fact is not None and (not fact.asserted or says):
                assert kept == fact
            elif fact is not None:
                assert kept is None


@pytest.mark.parametrize("status", [None, *IdentityStatus])
def test_another_ins_than_the_one_insi_gave_is_a_conflict_unless_insi_calls_it_former(status: IdentityStatus | None) -> None:
    held = identity(recovery=recovery(), check=check())
    with pytest.raises(InsConflict):
        step(held, Asserted(status=status, ins=OTHER_INS, at=9, by=SOFTWARE))
    assert step(held, Asserted(status=status, ins=OLD_INS, at=9, by=SOFTWARE)).patient.ins == INS


def test_a_software_may_correct_the_ins_it_asserted() -> None:
    said = step(identity(), Asserted(status=QUAL, ins=OTHER_INS, at=9, by=SOFTWARE))
    assert step(said, Asserted(status=QUAL, ins=INS, at=10, by=SOFTWARE)).patient.ins == INS


def test_no_event_shows_a_patient_when_printed() -> None:
    for event in events(DOCTOR):
        assert "ADRUN" not in repr(event)
        assert INS.matricule not in repr(event)


@pytest.mark.parametrize("authority", [INS_NIR, INS_NIR_TEST, INS_NIR_DEMO])
def test_authorities_of_the_nir_are_one_and_that_of_the_nia_is_another(authority: str) -> None:
    """INSi's test platform does not give the authority that a test file has; a NIA of the same number would be somebody else's."""
    held = identity(recovery=recovery(), check=check())
    same, other = Ins(matricule=INS.matricule, oid=authority), Ins(matricule=INS.matricule, oid=INS_NIA)
    for event in (VerificationFailed, VerificationPassed):
        assert step(held, event(at=9, by=BOX, ins=same)) != held
        assert step(held, event(at=9, by=BOX, ins=other)) == held
    former = Ins(matricule=OLD_INS.matricule, oid=authority)
    assert step(held, Asserted(status=QUAL, ins=former, at=9, by=SOFTWARE)).recovery == held.recovery
    with pytest.raises(InsConflict):
        step(held, Asserted(status=QUAL, ins=Ins(matricule=OLD_INS.matricule, oid=INS_NIA), at=9, by=SOFTWARE))
    again = InsAccepted(found=national(ins=same), method=Method.TRAITS, at=1, by=SECRETARY)
    taken = step(identity(recovery=recovery(exact=False)), again).recovery
    assert taken is not None
    assert not taken.exact


def test_nothing_that_holds_a_patient_shows_it_when_printed() -> None:
    held = identity(recovery=recovery(national_birth_date="1975-12-31"), check=check())
    kept = Kept(identity=held, said=ZOE)
    assert held.recovery is not None
    for one in (held, held.recovery, held.traits, held.patient, INS, held.recovery.former, kept):
        for shown in (repr(one), str(one), f"{one}", repr([one])):
            assert not any(datum in shown for datum in ("ADRUN", "ZOE", "1975", "63220", INS.matricule[:13], OLD_INS.matricule[:13]))
