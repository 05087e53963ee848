"""The last look before anything leaves: the registry must still vouch for what the document says of its patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.flow.errors import IdentityNotQualified, IdentityWithdrawn
from gateway.flow.identities.gate import IdentityGate, Media
from gateway.ins.identity import Attribute, Identity
from gateway.journal.records import DocumentRecord
from gateway.kernel.errors import RelaisError
from gateway.model.delivery import DocumentState
from gateway.model.patient import IdentityStatus, Patient
from tests.flow.searching import FIRST, Office, ins_of, patient, qualified, traits_of

QUALIFIED = qualified(1, 1)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def look(
    office: Office, carried: Patient, *, media: Media = "pdf", needs_qualified: bool = True, accepted_at: int | None = None
) -> None:
    document = DocumentRecord(
        id="d", structure=FIRST, workstation="w", idempotency_key="k", content_digest="c", unique_id="2.25.1",
        patient_ref=office.identities.reference(FIRST, "P-1"), state=DocumentState.WORKING,
        accepted_at=office.books.now() if accepted_at is None else accepted_at, original_digest="0", wrapped_key=b"", sealed=b"",
    )  # fmt: skip
    gate = IdentityGate(office.store, office.vault, office.identities)
    await gate.check(document, carried, media, needs_qualified=needs_qualified)


async def held_by(office: Office, carried: Patient, **how: Any) -> str | None:
    """The code of what holds the document; None when it may leave."""
    try:
        await look(office, carried, **how)
    except RelaisError as problem:
        return problem.code
    return None


def carried(**changes: Any) -> Patient:
    return msgspec.structs.replace(QUALIFIED.patient, **changes)


@pytest.mark.parametrize("status", [one for one in IdentityStatus if one is not IdentityStatus.QUALIFIEE])
async def test_without_a_qualified_ins_only_professionals_may_be_written_to(office: Office, status: IdentityStatus) -> None:
    await office.write(QUALIFIED)
    for unqualified in (carried(status=status), carried(ins=None)):
        with pytest.raises(IdentityNotQualified):
            await look(office, unqualified)
        assert await held_by(office, unqualified, needs_qualified=False) is None


async def test_what_the_registry_vouches_for_leaves_and_whom_it_never_saw_too(office: Office) -> None:
    assert await held_by(office, carried()) is None
    await office.write(QUALIFIED)
    assert await held_by(office, carried()) is None
    assert await held_by(office, carried(ins=msgspec.structs.replace(ins_of(1), oid="1.2.250.1.213.1.4.10"))) is None


@pytest.mark.parametrize(
    "held",
    [
        msgspec.structs.replace(QUALIFIED, recovery=None),
        msgspec.structs.replace(QUALIFIED, check=None),
        msgspec.structs.replace(patient(1), attributes=frozenset({Attribute.DOUTEUSE})),
        msgspec.structs.replace(qualified(2, 1), local_id="P-1"),
        msgspec.structs.replace(QUALIFIED, traits=traits_of(1, birth_date="1975-12-30")),
        msgspec.structs.replace(QUALIFIED, traits=traits_of(1, birth_place="75056")),
        msgspec.structs.replace(QUALIFIED, traits=traits_of(1, birth_family_name="AUTRE")),
    ],
)
@pytest.mark.parametrize("needs_qualified", [True, False])
async def test_what_it_vouches_for_no_more_leaves_for_nobody(office: Office, held: Identity, needs_qualified: bool) -> None:
    """Also in the very millisecond of the acceptance."""
    await office.write(held)
    with pytest.raises(IdentityWithdrawn):
        await look(office, carried(), needs_qualified=needs_qualified)


async def test_a_nia_is_not_the_nir_of_the_same_number(office: Office) -> None:
    await office.write(QUALIFIED)
    with pytest.raises(IdentityWithdrawn):
        await look(office, carried(ins=msgspec.structs.replace(ins_of(1), oid="1.2.250.1.213.1.4.9")))


async def test_the_same_traits_in_another_writing_leave(office: Office) -> None:
    await office.write(msgspec.structs.replace(QUALIFIED, traits=traits_of(1, birth_given_names="Zoé", first_birth_given_name="Zoé")))
    assert await held_by(office, carried()) is None
    assert await held_by(office, carried(traits=traits_of(1, birth_given_names="LEA"))) == IdentityWithdrawn.code


async def test_a_ready_cda_that_says_less_is_held_to_its_name_and_birth_date(office: Office) -> None:
    await office.write(QUALIFIED)
    short = carried(traits=traits_of(1, birth_given_names="ZOE MARIE", birth_place="99999"))
    assert await held_by(office, short, media="cda") is None
    with pytest.raises(IdentityWithdrawn):
        await look(office, short, media="pdf")
    with pytest.raises(IdentityWithdrawn):
        await look(office, carried(traits=traits_of(1, birth_date="1975-12-30")), media="cda")


async def test_a_row_that_has_not_changed_is_not_opened(office: Office) -> None:
    row = (await office.write(QUALIFIED)).record
    await office.store.commit(msgspec.structs.replace(row, sealed=b"damaged", version=row.version + 1))
    assert await held_by(office, carried(), accepted_at=office.books.now() + 1) is None
    assert await held_by(office, carried()) is not None, "opened, it would have been found damaged"
