"""A document whose text speaks of somebody else is held, by its rule alone; everything else goes on, and the loop never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec
import pytest
import structlog
from reportlab.pdfgen.canvas import Canvas

from gateway.cda.pdf.text import TextReadingInterrupted, read_text
from gateway.flow.admitted import Admitted
from gateway.flow.errors import PayloadQuarantined, TextContradictsIdentity
from gateway.flow.identities.entries import Entry, Identities
from gateway.flow.identities.second_look import SecondLook
from gateway.flow.request import Deliver
from gateway.kernel import oids
from gateway.kernel.concept import Concept
from gateway.model.patient import IdentityStatus, Ins, Patient, Sex, Traits
from gateway.model.visibility import Visibility
from tests.cda.pdf.letters import drawn
from tests.tools import need_tool

PATIENT = Patient(
    local_id="P-1", status=IdentityStatus.QUALIFIEE, ins=Ins.checked("279035121518989", oids.INS_NIR_TEST),
    traits=Traits(
        birth_family_name="PAT-TROIS", birth_given_names="DOMINIQUE MARIE", first_birth_given_name="DOMINIQUE", sex=Sex.FEMALE,
        birth_date="1979-03-05", birth_place="51215",
    ),
)  # fmt: skip
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ADMITTED = Admitted(
    media="pdf", structure="10B0152872", author="899700366240", actor=None, patient=PATIENT,
    type=Concept("57833-6", oids.LOINC, "Prescription"), title="Ordonnance", created_at=NOW, service_start=NOW, service_stop=None,
    replaces=None, set_id="1", version=1, visibility=Visibility(), deliver=Deliver(), original="blob",
)  # fmt: skip
OWN = ("Madame PAT-TROIS Dominique", "née le 05/03/1979", "INS : 2 79 03 51 215 189 89")
OTHERS = {
    "matricule": ("Madame PAT-TROIS Dominique", "née le 05/03/1979", "INS : 2 75 12 63 220 749 74"),
    "birth-date": ("Madame PAT-TROIS Dominique", "née le 06/03/1979"),
    "name": ("Madame DURAND Julie", "Faire pratiquer douze séances de rééducation"),
}


class Registry:
    """No identity is known, or the row does not open."""

    def __init__(self, *, damaged: bool) -> None:
        self.damaged = damaged

    async def known(self, _structure: str, _local_id: str) -> Entry | None:
        if self.damaged:
            raise PayloadQuarantined("row")
        return None


def look(*, enabled: bool = True, damaged: bool = False, read: Callable[[bytes], str | None] = read_text) -> SecondLook:
    return SecondLook(cast("Identities", Registry(damaged=damaged)), enabled=enabled, read=read)


def page(*lines: str) -> bytes:
    need_tool("pdftotext")

    def draw(canvas: Canvas) -> None:
        for row, line in enumerate(lines):
            canvas.drawString(60, 780 - 20 * row, line)

    return drawn(draw)


@pytest.mark.parametrize("rule", OTHERS)
async def test_a_text_of_somebody_else_holds_the_document_and_tells_only_the_rule(rule: str) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(TextContradictsIdentity) as held:
        await look().check(ADMITTED, page(*OTHERS[rule]))
    assert held.value.technical == rule
    told = f"{held.value!r} {held.value.explanation} {held.value.technical} {logs}"
    assert not any(word in told for word in ("DURAND", "PAT-TROIS", "1979", "75 12", "Julie", "Dominique"))


@pytest.mark.parametrize("damaged", [False, True])
async def test_the_patient_s_own_text_a_scan_and_a_damaged_file_go_on(damaged: bool) -> None:
    for document in (page(*OWN), page(), b"", page(*OTHERS["name"])[:200]):
        await look(damaged=damaged).check(ADMITTED, document)


async def test_somebody_who_looked_is_not_asked_again_and_a_box_without_the_guard_does_not_look() -> None:
    other = page(*OTHERS["name"])
    read: list[bytes] = []

    def reader(pdf: bytes) -> str | None:
        read.append(pdf)
        return None

    await look(read=reader).check(msgspec.structs.replace(ADMITTED, looked_at="899700366240"), other)
    await look(enabled=False, read=reader).check(ADMITTED, other)
    assert read == []


async def test_a_box_without_the_reader_says_so_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = page(*OTHERS["name"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with structlog.testing.capture_logs() as logs:
        await look().check(ADMITTED, other)
    assert logs == [{"event": "text of a document not compared", "code": "text-reader-missing", "log_level": "warning"}]


async def test_a_box_without_room_for_the_reader_compares_later_and_lets_nothing_through() -> None:
    def no_room(_pdf: bytes) -> str | None:
        raise TextReadingInterrupted(technical="errno 12")

    with pytest.raises(TextReadingInterrupted):
        await look(read=no_room).check(ADMITTED, b"small")


async def test_the_loop_goes_on_while_a_small_document_keeps_the_reader_busy() -> None:
    """The reader ends only once the loop has turned meanwhile."""
    loop = asyncio.get_running_loop()

    async def turned() -> str:
        return "\n".join(OTHERS["name"])

    with pytest.raises(TextContradictsIdentity):
        await look(read=lambda _pdf: asyncio.run_coroutine_threadsafe(turned(), loop).result(20)).check(ADMITTED, b"small")


async def test_nothing_of_the_look_blocks_the_loop(no_blocking: object) -> None:
    await look().check(ADMITTED, page(*OWN))
