"""The text of a document must not speak of somebody else than its patient; whoever looks at it lets the whole document go."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gateway.flow.admitted import Admitted
from gateway.flow.caller import Caller
from gateway.flow.errors import ActorNeeded, HeldByHand, NotFound, NotPossibleNow, TextContradictsIdentity
from gateway.flow.identities.second_look import SecondLook
from gateway.flow.request import Deliver
from gateway.ins.identity import FormerIns
from gateway.journal.store import StaleRecord
from gateway.kernel.concept import Concept
from gateway.model.delivery import DeliveryState
from gateway.model.visibility import Visibility
from tests.api.rig import Box, open_box
from tests.cda.pdf_samples import plain
from tests.flow.searching import FIRST, Office, ins_of, letters, qualified
from tests.tools import need_tool

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
OF_ANOTHER = f"Compte rendu. Patient : {letters(7)} PAUL, né le 03/04/1951. Examen sans particularité, surveillance."
OF_THE_PATIENT = f"Compte rendu. Patiente : {letters(1)} ZOE, née le 31/12/1975. Examen sans particularité, surveillance."


def admitted(**changes: object) -> Admitted:
    whole = Admitted(
        media="pdf", structure=FIRST, author="8", actor=None, patient=qualified(1, 1).patient, type=Concept("57833-6", "s", "l"), title="T",
        created_at=NOW, service_start=NOW, service_stop=None, replaces=None, set_id="2.25.1", version=1, visibility=Visibility(),
        deliver=Deliver(dmp=True), original="o",
    )  # fmt: skip
    return msgspec.structs.replace(whole, **changes)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    need_tool("pdftotext")
    return Office(tmp_path)


async def test_a_text_of_somebody_else_waits_and_says_only_what_differs(office: Office) -> None:
    look = SecondLook(office.identities, enabled=True)
    await look.check(admitted(), plain(text=OF_THE_PATIENT))
    with pytest.raises(TextContradictsIdentity) as problem:
        await look.check(admitted(), plain(text=OF_ANOTHER))
    assert "une autre date de naissance" in problem.value.explanation.what
    assert not any(datum in f"{problem.value} {problem.value.explanation}" for datum in (letters(7), "PAUL", "1951", letters(1)))


async def test_once_looked_at_or_switched_off_nothing_is_compared(office: Office) -> None:
    read: list[bytes] = []

    def reader(pdf: bytes) -> str | None:
        read.append(pdf)
        return None

    await SecondLook(office.identities, enabled=True, read=reader).check(admitted(looked_at="professional:8"), plain(text=OF_ANOTHER))
    await SecondLook(office.identities, enabled=False, read=reader).check(admitted(), plain(text=OF_ANOTHER))
    assert read == []
    await SecondLook(office.identities, enabled=True, read=reader).check(admitted(), plain(text=OF_ANOTHER))
    assert len(read) == 1


async def test_a_matricule_of_the_past_is_the_patient_s_too(office: Office) -> None:
    old, look = ins_of(2), SecondLook(office.identities, enabled=True)
    text = f"Patiente : {letters(1)} ZOE. Matricule INS : {old.matricule}. Examen sans particularité, surveillance."
    with pytest.raises(TextContradictsIdentity) as problem:
        await look.check(admitted(), plain(text=text))
    assert "un autre matricule INS" in problem.value.explanation.what
    held = qualified(1, 1)
    assert held.recovery is not None
    former = (FormerIns(matricule=old.matricule, oid=old.oid),)
    await office.write(msgspec.structs.replace(held, recovery=msgspec.structs.replace(held.recovery, former=former)))
    await look.check(admitted(), plain(text=text))


async def test_a_damaged_registry_row_does_not_stop_the_comparison(office: Office) -> None:
    row = (await office.write(qualified(1, 1))).record
    await office.store.commit(msgspec.structs.replace(row, sealed=b"damaged", version=row.version + 1))
    with pytest.raises(TextContradictsIdentity):
        await SecondLook(office.identities, enabled=True).check(admitted(), plain(text=OF_ANOTHER))


async def test_a_box_without_the_reader_lets_go_and_says_so_without_the_text(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    await SecondLook(office.identities, enabled=True).check(admitted(), plain(text=OF_ANOTHER))
    shown = "".join(capsys.readouterr())
    assert "text-reader-missing" in shown
    assert letters(7) not in shown


def _caller(box: Box, actor: str | None = "899700366240") -> Caller:
    caller = Caller(workstation=box.workstation.id, name="Accueil", structures=box.workstation.structures)
    return caller if actor is None else box.relay.gate.named(caller, actor)


async def _contradicted(box: Box) -> tuple[str, list[str]]:
    """A document for the DMP, the patient and a doctor: two wait for a look, the third by hand."""
    receipt = await box.accept()
    deliveries = [one["id"] for one in receipt["deliveries"]]
    for one in deliveries[:2]:
        await box.move(one, DeliveryState.HELD, TextContradictsIdentity(fact="un autre nom"))
    await box.move(deliveries[2], DeliveryState.HELD, HeldByHand())
    return receipt["id"], deliveries


async def _states(box: Box, document: str) -> list[tuple[str, str | None]]:
    return [(one.state.value, one.explanation.code if one.explanation else None) for one in await box.store.deliveries_of(document)]


async def test_one_look_lets_the_whole_document_go_and_is_imputed_to_who_looked(tmp_path: Path) -> None:
    box = await open_box(tmp_path)
    document, deliveries = await _contradicted(box)
    await box.relay.operations.release(_caller(box), deliveries[0])
    assert await _states(box, document) == [("queued", None), ("queued", None), ("held", "held-by-hand")]
    row = await box.store.document(document)
    assert row is not None
    assert not row.prepared
    assert box.relay.reader._custody.admitted(row).looked_at == "professional:899700366240"
    [line] = [one for one in await box.store.audit_of(document) if one.act == "document.looked-at"]
    assert (line.actor, line.detail["workstation"]) == ("professional:899700366240", box.workstation.id)
    with pytest.raises(NotPossibleNow):
        await box.relay.operations.release(_caller(box), deliveries[0])


async def test_nobody_named_has_looked_at_nothing(tmp_path: Path) -> None:
    box = await open_box(tmp_path)
    document, deliveries = await _contradicted(box)
    with pytest.raises(ActorNeeded) as refused:
        await box.relay.operations.release(_caller(box, None), deliveries[0])
    assert (refused.value.field, refused.value.gesture != "") == ("Relais-Actor", True)
    assert (await _states(box, document))[:2] == [("held", "text-contradicts-identity")] * 2
    assert [one.act for one in await box.store.audit_of(document)][-1] != "document.looked-at"
    await box.relay.operations.release(_caller(box, None), deliveries[2])
    assert (await _states(box, document))[2] == ("queued", None)


async def test_trying_again_is_not_having_looked(tmp_path: Path) -> None:
    """The document is prepared again, and compared again."""
    box = await open_box(tmp_path)
    document, deliveries = await _contradicted(box)
    await box.relay.operations.retry(_caller(box), deliveries[0])
    row = await box.store.document(document)
    assert row is not None
    assert (box.relay.reader._custody.admitted(row).looked_at, row.prepared) == (None, False)
    assert [one.act for one in await box.store.audit_of(document)][-1] == "delivery.retried"


async def test_a_document_of_another_workstation_is_not_looked_at(tmp_path: Path) -> None:
    box = await open_box(tmp_path)
    document, deliveries = await _contradicted(box)
    stranger = msgspec.structs.replace(_caller(box), workstation="another")
    with pytest.raises(NotFound):
        await box.relay.operations.release(stranger, deliveries[0])
    assert (await _states(box, document))[0] == ("held", "text-contradicts-identity")


async def test_a_look_is_written_whatever_moved_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = await open_box(tmp_path)
    document, deliveries = await _contradicted(box)
    write = box.books.write
    refused: list[int] = []

    async def moved(*given: object, **named: object) -> None:
        if len(refused) < 2:
            refused.append(1)
            raise StaleRecord
        await write(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(box.books, "write", moved)
    await box.relay.operations.release(_caller(box), deliveries[1])
    assert (await _states(box, document))[:2] == [("queued", None), ("queued", None)]
    assert len([one for one in await box.store.audit_of(document) if one.act == "document.looked-at"]) == 1
