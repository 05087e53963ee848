"""A return to factory settings asked for at the button: kept, told once, taken back; whatever is cut short is finished at the start."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from typing_extensions import override

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import OPERATOR, Caller
from gateway.flow.panel.reset_errors import ResetBegun
from gateway.flow.panel.reset_requests import ResetRequests, erasure_due
from gateway.journal.memory import MemoryStore
from gateway.journal.records import Change, EventRecord
from gateway.journal.store import NotAccepting
from gateway.kernel.clock import FrozenClock
from gateway.kernel.home import Home as Folder
from tests.api.rig import NOW

FILE = "factory-reset.json"
"""Its name is known to the program that prepares boxes."""
DESK = Caller(workstation="w", name="Accueil", structures=("S",))
ADMIN = Caller(workstation="o", name=OPERATOR, structures=("S",))


class SlowClock(FrozenClock):
    """Time passes only when the test says so: whoever waits looks again."""

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Home:
    def __init__(self, folder: Path) -> None:
        self.of = Folder(folder)
        self.folder, self.file, self.store = folder, folder / FILE, MemoryStore()
        self.requests = self.started()

    def started(self) -> ResetRequests:
        """As another start of the box finds it."""
        return ResetRequests(self.folder, self.store, Bookkeeper(self.store, FrozenClock(NOW)))

    def left(self) -> int | None:
        view = self.requests.view()
        return view.seconds_left if view is not None else None

    async def acts(self) -> list[tuple[str, str]]:
        return [(one.act, one.actor) for one in await self.store.audit_after(0, 100)]

    async def events(self) -> list[EventRecord]:
        return await self.store.events_after(0, 100)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "journal.sqlite").write_bytes(b"kept")
    return Home(tmp_path)


async def test_it_is_on_the_disk_told_once_and_erases_nothing(home: Home) -> None:
    assert home.requests.view() is None
    await home.requests.record()
    await home.requests.record()
    kept = json.loads(home.file.read_bytes())
    assert (kept["told"], kept["dismissed"]) == (True, None)
    assert stat.S_IMODE(home.file.stat().st_mode) == 0o600
    assert await home.acts() == [("reset.requested", "system")]
    assert [one.kind for one in await home.events()] == ["reset.requested"]
    again = home.started().view()
    assert again is not None
    assert again.requested_at == NOW
    assert {one.name for one in home.folder.iterdir()} == {FILE, "journal.sqlite"}
    assert (home.folder / "journal.sqlite").read_bytes() == b"kept"


async def test_what_the_journal_could_not_take_is_told_at_the_next_start(home: Home) -> None:
    home.store.accepting = False
    with pytest.raises(NotAccepting):
        await home.requests.record()
    assert home.started().view() is not None, "the request is kept though the journal was full"
    home.store.accepting = True
    later = home.started()
    await later.catch_up()
    await later.catch_up()
    assert await home.acts() == [("reset.requested", "system")]
    await home.started().catch_up()
    assert len(await home.events()) == 1


async def test_a_start_whose_journal_is_full_goes_on(home: Home) -> None:
    home.store.accepting = False
    with pytest.raises(NotAccepting):
        await home.requests.record()
    await home.started().catch_up()
    assert home.requests.view() is not None


async def test_a_disk_that_takes_nothing_is_told(home: Home) -> None:
    home.file.mkdir()
    requests = home.started()
    with pytest.raises(NotAccepting):
        await requests.record()
    assert requests.view() is None
    assert await home.acts() == []


async def test_anybody_who_is_paired_takes_it_back(home: Home) -> None:
    await home.requests.record()
    await home.requests.dismiss(DESK)
    assert home.requests.view() is None
    assert not home.file.exists()
    await home.requests.dismiss(ADMIN)
    assert await home.acts() == [("reset.requested", "system"), ("reset.dismissed", "workstation:w")]


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fact():  # noqa: ASYNC110 - the clock is the test's own
            await asyncio.sleep(0)


async def test_it_is_handed_over_once_its_time_is_over_and_then_nobody_takes_it_back(home: Home) -> None:
    clock = SlowClock(NOW)
    counting = asyncio.create_task(home.requests.run(clock, 60))
    await home.requests.record()
    await until(lambda: home.left() == 60)
    clock.advance(59)
    await until(lambda: home.left() == 1)
    assert not erasure_due(home.of)
    clock.advance(1)
    await counting
    assert home.requests.handed_over
    assert home.left() == 0
    assert json.loads(home.file.read_bytes())["handed_over"] is True
    with pytest.raises(ResetBegun):
        await home.requests.dismiss(ADMIN)
    assert erasure_due(home.of)
    await home.started().run(clock, 60)  # returns at once


async def test_what_was_taken_back_is_never_handed_over_and_asked_again_has_all_its_time(home: Home) -> None:
    clock = SlowClock(NOW)
    counting = asyncio.create_task(home.requests.run(clock, 60))
    await home.requests.record()
    await until(lambda: home.left() == 60)
    clock.advance(50)
    await home.requests.dismiss(DESK)
    assert home.left() is None
    await home.requests.record()
    await until(lambda: home.left() == 60)
    clock.advance(50)
    await until(lambda: home.left() == 10)
    assert not erasure_due(home.of)
    await home.requests.dismiss(DESK)
    clock.advance(1000)
    await asyncio.sleep(0.01)
    assert not counting.done()
    assert not erasure_due(home.of)
    counting.cancel()
    await asyncio.gather(counting, return_exceptions=True)


async def test_a_start_gives_all_the_time_anew(home: Home) -> None:
    clock = SlowClock(NOW)
    await home.requests.record()
    later = home.requests = home.started()
    counting = asyncio.create_task(later.run(clock, 60))
    await until(lambda: home.left() == 60)
    clock.advance(60)
    await counting
    assert erasure_due(home.of)


async def test_a_request_of_the_time_when_nothing_was_erased_erases_nothing_until_the_button_is_held_again(home: Home) -> None:
    home.file.write_text('{"id": "old", "requested_at": "2026-11-24T13:05:00Z", "told": true, "dismissed": null}')
    home.requests = home.started()
    clock = SlowClock(NOW)
    counting = asyncio.create_task(home.requests.run(clock, 60))
    clock.advance(1000)
    await asyncio.sleep(0.01)
    view = home.requests.view()
    assert view is not None
    assert view.seconds_left is None
    assert not erasure_due(home.of)
    await home.requests.record()
    await until(lambda: home.left() == 60)
    clock.advance(60)
    await counting
    assert erasure_due(home.of)


async def test_a_disk_that_does_not_take_the_end_of_the_time_is_asked_again(home: Home) -> None:
    clock = SlowClock(NOW)
    counting = asyncio.create_task(home.requests.run(clock, 60))
    await home.requests.record()
    await until(lambda: home.left() == 60)
    home.folder.chmod(0o500)
    moved = home.file.rename(home.folder.parent / "aside")
    home.file.mkdir()
    clock.advance(60)
    await asyncio.sleep(0.05)
    assert not counting.done()
    home.file.rmdir()
    moved.rename(home.file)
    home.folder.chmod(0o700)
    clock.advance(5)
    await counting
    assert erasure_due(home.of)


def test_an_erasure_cut_short_is_due_whatever_the_request_says(home: Home) -> None:
    assert not erasure_due(home.of)
    home.file.write_text('{"id": "x", "requested_at": "2026-11-24T13:05:00Z", "erases": true, "handed_over": true, "dismissed": "w"}')
    assert not erasure_due(home.of), "taken back"
    home.of.erasure.write_bytes(b"")
    assert erasure_due(home.of)


class Cut(MemoryStore):
    """Stops before the audit line of the dismissal is written."""

    @override
    async def commit(self, *changes: Change) -> None:
        if any(getattr(one, "act", "") == "reset.dismissed" for one in changes) and not self.let:
            raise NotAccepting
        await super().commit(*changes)

    let = False


async def test_a_request_taken_back_stays_so_through_a_stop(tmp_path: Path) -> None:
    home = Home(tmp_path)
    store = Cut()
    home.store, home.requests = store, ResetRequests(tmp_path, store, Bookkeeper(store, FrozenClock(NOW)))
    await home.requests.record()
    with pytest.raises(NotAccepting):
        await home.requests.dismiss(ADMIN)
    assert json.loads(home.file.read_bytes())["dismissed"] == "workstation:o", "who erases boxes is told to do nothing"
    store.let = True
    later = home.started()
    assert later.view() is None
    await later.catch_up()
    assert not home.file.exists()
    assert [act for act, _ in await home.acts()] == ["reset.requested", "reset.dismissed"]


async def test_holding_again_after_it_was_taken_back_asks_again(home: Home) -> None:
    await home.requests.record()
    await home.requests.dismiss(ADMIN)
    await home.requests.record()
    assert [act for act, _ in await home.acts()] == ["reset.requested", "reset.dismissed", "reset.requested"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"id": 3}', b"\xff"])
async def test_a_file_that_is_none_of_ours_is_no_request(home: Home, content: bytes) -> None:
    home.file.write_bytes(content)
    assert home.started().view() is None
    await home.started().catch_up()
    assert await home.acts() == []
