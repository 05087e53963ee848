"""Nothing leaves before the first look, nothing any more once another box has the home, over restarts too."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gateway.flow.fencing.fence import Fence, Witness
from gateway.flow.fencing.markers import claim_marker, highest_marker
from gateway.flow.fencing.witnesses import FolderWitness, PeerWitness, peer_addresses
from gateway.journal.records import DeliveryRecord
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Listener
from gateway.kernel.errors import RelaisError
from gateway.trust.epoch import Epoch, SignedEpoch, following, keep_epoch, own_epoch, signed, stated
from gateway.trust.files import private_folder
from gateway.trust.lan import LanAuthority
from gateway.trust.stop import BoxReplaced, BoxRetired, Stop, read_stop, write_stop
from gateway.trust.vault import open_vault
from gateway.wire.http import AnswerLost, HttpRequest, HttpResponse, PeerUnreachable, TlsRefused
from tests.journal.samples import delivery, document

NOW = datetime(2026, 11, 30, tzinfo=UTC)
OWN = Epoch(home="ab", generation=3, box="05")


class Known:
    """A witness that answers what the test says, when the test says."""

    def __init__(self, epoch: Epoch | None = None) -> None:
        self.epoch = epoch
        self.open = asyncio.Event()
        self.open.set()

    async def highest(self) -> Epoch | None:
        await self.open.wait()
        return self.epoch


class Counter:
    """An attempt that counts."""

    def __init__(self) -> None:
        self.made = 0

    async def attempt(self, record: DeliveryRecord) -> RelaisError | None:
        self.made += 1
        return None


def fence(home: Path, *witnesses: Witness) -> Fence:
    def unsigned() -> SignedEpoch:
        return SignedEpoch(home="ab", generation=3, box="05", signature="")

    return Fence(home, OWN, witnesses, FrozenClock(NOW), statement=unsigned)


def authority_of(home: Path) -> LanAuthority:
    private_folder(home)
    authority = LanAuthority(home, open_vault(home, create=True))
    authority.identity(("relais.local",), NOW)
    return authority


@pytest.mark.parametrize(
    ("other", "outranks"),
    [
        (Epoch(home="ab", generation=4, box="01"), True),
        (Epoch(home="ab", generation=3, box="06"), True),
        (Epoch(home="ab", generation=3, box="04"), False),
        (Epoch(home="ab", generation=2, box="09"), False),
        (Epoch(home="ac", generation=9, box="09"), False),
        (OWN, False),
    ],
)
def test_of_two_boxes_of_one_home_exactly_one_gives_way(other: Epoch, outranks: bool) -> None:
    assert other.outranks(OWN) is outranks
    assert not (other.outranks(OWN) and OWN.outranks(other))


def test_the_next_epoch_is_above_all_that_was_seen() -> None:
    assert following(OWN).generation == 4
    assert following(OWN, Epoch(home="ab", generation=7, box="01")).outranks(Epoch(home="ab", generation=7, box="ff"))


async def test_nothing_leaves_before_the_first_look_is_over(tmp_path: Path) -> None:
    witness, counter = Known(), Counter()
    witness.open.clear()
    one = fence(tmp_path, witness)
    looking = asyncio.create_task(one.look())
    sending = asyncio.ensure_future(one.attempts(counter.attempt)(delivery(document())))
    for _ in range(20):
        await asyncio.sleep(0)
    assert counter.made == 0
    witness.open.set()
    await looking
    assert await sending is None
    assert counter.made == 1


async def test_a_box_without_witness_waits_for_nobody(tmp_path: Path) -> None:
    counter = Counter()
    assert await fence(tmp_path).attempts(counter.attempt)(delivery(document())) is None
    assert counter.made == 1


async def test_a_witness_that_hangs_keeps_nothing_back_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.flow.fencing.fence._PATIENCE", 0.01)
    witness = Known(Epoch(home="ab", generation=9, box="01"))
    witness.open.clear()
    one = fence(tmp_path, witness)
    await one.look()
    assert one.stopped is None
    witness.open.set()
    await one.look()
    assert one.stopped is not None


async def test_a_later_box_stops_this_one_for_good(tmp_path: Path) -> None:
    witness, counter = Known(), Counter()
    one = fence(tmp_path, witness, Known())
    await one.look()
    one.check()
    witness.epoch = Epoch(home="ab", generation=4, box="01")
    await one.look()
    with pytest.raises(BoxReplaced):
        one.check()
    assert isinstance(await one.attempts(counter.attempt)(delivery(document())), BoxReplaced)
    assert counter.made == 0
    again = fence(tmp_path)
    with pytest.raises(BoxReplaced):
        again.check()
    assert again.stopped is not None
    assert again.stopped.epoch == witness.epoch


async def test_earlier_boxes_and_other_homes_stop_nobody(tmp_path: Path) -> None:
    one = fence(tmp_path, Known(Epoch(home="ab", generation=2, box="ff")), Known(Epoch(home="zz", generation=9, box="ff")), Known(OWN))
    await one.look()
    one.check()
    assert read_stop(tmp_path) is None


async def test_a_command_stops_a_running_box_at_its_next_look(tmp_path: Path) -> None:
    one = fence(tmp_path)
    await one.look()
    write_stop(tmp_path, Stop(why="retired", at=1))
    await one.look()
    with pytest.raises(BoxRetired):
        one.check()


async def test_a_disk_that_refuses_the_mark_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(home: Path, stop: Stop) -> None:
        raise OSError(28, "full")

    one = fence(tmp_path, Known(Epoch(home="ab", generation=4, box="01")))
    with monkeypatch.context() as patched:
        patched.setattr("gateway.flow.fencing.fence.write_stop", full)
        await one.look()
        assert one.stopped is not None, "it stops all the same"
    assert read_stop(tmp_path) is None
    await one.look()
    assert read_stop(tmp_path) == one.stopped


def test_a_mark_that_cannot_be_read_stops_too(tmp_path: Path) -> None:
    (tmp_path / "replaced.json").write_text("{")
    found = read_stop(tmp_path)
    assert found is not None
    assert isinstance(found.fault, BoxReplaced)


def test_the_epoch_of_a_home_is_made_once(tmp_path: Path) -> None:
    first = own_epoch(tmp_path)
    assert (first.generation, own_epoch(tmp_path)) == (1, first)
    later = following(first)
    keep_epoch(tmp_path, later)
    assert own_epoch(tmp_path) == later
    assert sorted(one.name for one in tmp_path.iterdir()) == ["epoch.json"]


def test_only_the_authority_of_the_home_states_its_epoch(tmp_path: Path) -> None:
    own, stranger = authority_of(tmp_path / "own"), authority_of(tmp_path / "stranger")
    said = msgspec.json.encode(signed(OWN, own))
    assert stated(said, own) == OWN
    assert stated(said, stranger) is None
    assert stated(said.replace(b'"generation":3', b'"generation":4'), own) is None
    for nonsense in (b"", b"{}", b"[1]", said[:-5], said.replace(b'"signature":"', b'"signature":"zz')):
        assert stated(nonsense, own) is None


def test_markers_beside_backups(tmp_path: Path) -> None:
    own, stranger = authority_of(tmp_path / "own"), authority_of(tmp_path / "stranger")
    folder = tmp_path / "stick"
    folder.mkdir()
    assert highest_marker(folder, "ab", own) is None
    assert claim_marker(folder, OWN, own)
    assert claim_marker(folder, OWN, own), "stated again by the same box"
    rival = Epoch(home="ab", generation=3, box="ff")
    assert not claim_marker(folder, rival, own), "one box per generation"
    assert claim_marker(folder, Epoch(home="ab", generation=9, box="00"), stranger)
    (folder / "relais-ab-epoque-000010.json").write_bytes(b"\0" * 100_000)
    assert highest_marker(folder, "ab", own) == OWN, "what another authority signed, or nobody, does not count"
    assert not [one for one in folder.iterdir() if one.name.startswith(".")]


def test_markers_on_a_stick_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(source: Path, target: Path) -> None:
        raise PermissionError(1, "not on FAT")

    own = authority_of(tmp_path / "own")
    monkeypatch.setattr("os.link", unsupported)
    assert claim_marker(tmp_path, OWN, own)
    assert not claim_marker(tmp_path, Epoch(home="ab", generation=3, box="ff"), own)
    assert highest_marker(tmp_path, "ab", own) == OWN


async def test_a_folder_that_is_away_says_nothing(tmp_path: Path) -> None:
    own = authority_of(tmp_path / "own")
    assert await FolderWitness(tmp_path / "nowhere", "ab", own).highest() is None


class Peer:
    """An address that answers once."""

    def __init__(self, answer: HttpResponse | RelaisError) -> None:
        self._answer = answer
        self.asked: list[str] = []
        self.closed = False

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request.url)
        if isinstance(self._answer, RelaisError):
            raise self._answer
        return self._answer

    async def close(self) -> None:
        self.closed = True


async def test_a_peer_is_believed_when_it_signs(tmp_path: Path) -> None:
    own, stranger = authority_of(tmp_path / "own"), authority_of(tmp_path / "stranger")
    for status, authority, believed in ((200, own, OWN), (200, stranger, None), (503, own, None)):
        peer = Peer(HttpResponse(status=status, headers={}, body=msgspec.json.encode(signed(OWN, authority))))
        assert await PeerWitness("https://relais.local:443", lambda one=peer: one, own).highest() == believed  # type: ignore[misc]
        assert (peer.asked, peer.closed) == (["https://relais.local:443/api/v1/epoch"], True)


@pytest.mark.parametrize("trouble", [PeerUnreachable(), TlsRefused(), AnswerLost()])
async def test_nobody_there_is_nobody_later(tmp_path: Path, trouble: RelaisError) -> None:
    assert await PeerWitness("https://relais.local:443", lambda: Peer(trouble), authority_of(tmp_path / "own")).highest() is None


def test_where_a_successor_may_answer() -> None:
    names = ("relais.local", "localhost", "127.0.0.1", "::1", "192.168.1.20", "fd00::2")
    assert peer_addresses(Listener(port=443, names=names), ("https://10.0.0.9:8443",)) == (
        "https://10.0.0.9:8443",
        "https://relais.local:443",
        "https://192.168.1.20:443",
        "https://[fd00::2]:443",
    )
    assert peer_addresses(Listener(port=0, names=names), ()) == ()
