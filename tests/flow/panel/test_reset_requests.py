"""A return to factory settings asked for at the button: kept, told once, taken back; whatever is cut short is finished at the start."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typing_extensions import override

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import OPERATOR, Caller
from gateway.flow.panel.errors import PairingReserved
from gateway.flow.panel.reset_requests import ResetRequests
from gateway.journal.memory import MemoryStore
from gateway.journal.records import Change, EventRecord
from gateway.journal.store import NotAccepting
from gateway.kernel.clock import FrozenClock
from tests.api.rig import NOW

FILE = "factory-reset.json"
"""Its name is known to the program that prepares boxes."""
DESK = Caller(workstation="w", name="Accueil", structures=("S",))
ADMIN = Caller(workstation="o", name=OPERATOR, structures=("S",))


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder, self.file, self.store = folder, folder / FILE, MemoryStore()
        self.requests = self.started()

    def started(self) -> ResetRequests:
        """As another start of the box finds it."""
        return ResetRequests(self.folder, self.store, Bookkeeper(self.store, FrozenClock(NOW)))

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


async def test_only_the_operator_takes_it_back(home: Home) -> None:
    await home.requests.record()
    with pytest.raises(PairingReserved):
        await home.requests.dismiss(DESK)
    assert home.requests.view() is not None
    await home.requests.dismiss(ADMIN)
    assert home.requests.view() is None
    assert not home.file.exists()
    await home.requests.dismiss(ADMIN)
    assert await home.acts() == [("reset.requested", "system"), ("reset.dismissed", "workstation:o")]


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
