"""A certificate takes over from another and comes back: real keys on the disk, a cut at every write, services that answer as told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typing_extensions import override

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.certificates.succession import Outcome, Step
from gateway.flow.certificates.successions import Successions
from gateway.journal.memory import MemoryStore
from gateway.journal.records import Change, SuccessionRecord
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Certificates
from gateway.kernel.errors import Explanation
from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.trust.pki import AUTH_CLI, NOW, PASSPHRASE, STRUCTURE, Leaf, Profile, shared_pki

PLACE = (STRUCTURE, Role.AUTH_CLI)
WHY = Explanation(code="tls-refused", who="a", what="b", gesture="c")
HOUR, DAY = 3600.0, 86_400.0


class PowerCut(BaseException):
    """Nothing after it runs."""


class Services:
    """What every service makes of a certificate; `revoked` by the lists."""

    def __init__(self) -> None:
        self.outcomes: dict[Slot, Outcome] = {}
        self.asked: list[Slot] = []
        self.revoked = False

    async def rehearse(self, structure: str, role: Role, slot: Slot) -> tuple[Step, ...]:
        self.asked.append(slot)
        outcome = self.outcomes.get(slot, "good")
        return (Step(service="dmp", outcome=outcome, what="DMP : essai.", code="" if outcome == "good" else "tls-refused"),)

    async def is_revoked(self, structure: str, role: Role, slot: Slot) -> bool:
        return self.revoked


class CutStore(MemoryStore):
    """Cuts the power before or after the n-th commit."""

    cut_at: int | None = None
    commits = 0
    after = False

    @override
    async def commit(self, *changes: Change) -> None:
        self.commits += 1
        if self.commits == self.cut_at and not self.after:
            raise PowerCut
        await super().commit(*changes)
        if self.commits == self.cut_at:
            raise PowerCut


class Box:
    """One role with its certificate and the next one, and a desk that may be started again."""

    def __init__(self, home: Path, **settings: Any) -> None:
        self.home = home
        self.vault = open_vault(home, create=True)
        self.clock = FrozenClock(NOW)
        self.store = CutStore()
        self.services = Services()
        self.renewed: list[str] = []
        self.settings = settings
        self.old = shared_pki().issue(AUTH_CLI, not_after=NOW + timedelta(days=100))
        self.new = shared_pki().issue(AUTH_CLI)
        self.put(self.old, Slot.CURRENT)
        self.put(self.new, Slot.NEXT)
        self.start()

    def put(self, leaf: Leaf, slot: Slot, role: Role = Role.AUTH_CLI) -> None:
        keys = KeyStore(self.home, self.vault)
        keys.import_pkcs12(STRUCTURE, role, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=shared_pki().anchors_pem, slot=slot)

    def start(self) -> None:
        """As after a restart: only the disk and the journal are left."""
        self.keys = KeyStore(self.home, self.vault, self.clock)
        configuration = replace(configuration_of(), certificates=Certificates(**self.settings))
        books = Bookkeeper(self.store, self.clock)
        self.desk = Successions(configuration, self.store, books, self.keys, self.services, self.renew)  # type: ignore[arg-type]

    async def renew(self, structure: str) -> None:
        self.renewed.append(structure)

    async def state(self) -> str:
        return (await self.row()).state

    async def row(self) -> SuccessionRecord:
        [row] = await self.store.successions()
        return row

    def in_use(self) -> Leaf:
        der = KeyStore(self.home, self.vault).certificate(*PLACE)
        return next(one for one in (self.old, self.new) if one.der == der)

    async def acts(self) -> list[str]:
        return [one.act.removeprefix("certificate.") for one in await self.store.audit_after(0, 1000)]

    def now(self) -> int:
        return int(self.clock.now().timestamp() * 1000)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


async def test_it_is_rehearsed_at_once_and_switched_when_the_other_nears_its_end(box: Box) -> None:
    await box.desk.look()
    assert await box.state() == "rehearsed"
    assert box.in_use() is box.old
    box.clock.advance(69 * DAY)
    await box.desk.look()
    assert box.in_use() is box.old
    box.clock.advance(2 * DAY)
    await box.desk.look()
    assert box.in_use() is box.new
    assert box.renewed == [STRUCTURE]
    row = await box.row()
    assert (row.state, row.actor, (row.watched_until or 0) - (row.switched_at or 0)) == ("watched", "system", 3_600_000)
    box.clock.advance(HOUR + 1)
    await box.desk.look()
    assert await box.state() == "settled"
    assert await box.acts() == ["noticed", "rehearsed", "switching", "switched", "settled"]


async def test_by_hand_only_when_so_set(tmp_path: Path) -> None:
    box = Box(tmp_path, automatic=False)
    box.clock.advance(99 * DAY)
    await box.desk.look()
    assert box.in_use() is box.old
    await box.desk.switch(PLACE, "workstation:w")
    assert box.in_use() is box.new
    assert (await box.row()).actor == "workstation:w"


async def test_a_certificate_that_a_service_refuses_is_not_put_into_use_even_by_hand(tmp_path: Path) -> None:
    box = Box(tmp_path, automatic=False)
    box.services.outcomes[Slot.NEXT] = "refused"
    box.clock.advance(101 * DAY)
    await box.desk.look()
    await box.desk.switch(PLACE, "workstation:w")
    row = await box.row()
    assert (row.state, box.in_use() is box.old) == ("refused", True)
    assert row.explanation is not None
    box.services.outcomes.clear()
    await box.desk.rehearse(PLACE, "workstation:w")
    assert await box.state() == "rehearsed"


async def test_a_revoked_one_is_replaced_without_waiting_for_its_end(box: Box) -> None:
    box.services.revoked = True
    await box.desk.look()
    assert box.in_use() is box.new


async def test_services_in_outage_hold_it_back_until_the_other_is_over(box: Box) -> None:
    box.services.outcomes[Slot.NEXT] = "unreachable"
    box.clock.advance(99 * DAY)
    await box.desk.look()
    assert (await box.state(), box.in_use() is box.old) == ("waiting", True)
    box.clock.advance(2 * DAY)
    await box.desk.look()
    assert (await box.state(), box.in_use() is box.new) == ("watched", True)


async def switched(box: Box) -> None:
    await box.desk.look()
    await box.desk.switch(PLACE, "workstation:w")
    assert box.in_use() is box.new


async def test_refused_within_its_first_hour_it_gives_way_to_the_former_and_stays_away(box: Box) -> None:
    await switched(box)
    box.clock.advance(600)
    await box.desk.heard(STRUCTURE, {Role.AUTH_CLI, Role.SIGN}, WHY, box.now())
    row = await box.row()
    assert (row.state, row.explanation, box.in_use() is box.old) == ("returned", WHY, True)
    assert box.renewed == [STRUCTURE] * 2
    box.clock.advance(100 * DAY)
    await box.desk.look()
    assert (await box.state(), box.in_use() is box.old) == ("returned", True), "the machine does not insist"
    await box.desk.rehearse(PLACE, "workstation:w")
    await box.desk.switch(PLACE, "workstation:w")
    assert box.in_use() is box.new


async def test_what_began_before_the_switch_or_speaks_of_others_accuses_nobody(box: Box) -> None:
    await box.desk.look()
    before = box.now()
    await box.desk.switch(PLACE, "workstation:w")
    await box.desk.heard(STRUCTURE, {Role.AUTH_CLI}, WHY, before)
    box.clock.advance(1)
    await box.desk.heard(STRUCTURE, {Role.SIGN}, WHY, box.now())
    await box.desk.heard("10B0152880", {Role.AUTH_CLI}, WHY, box.now())
    assert (await box.state(), box.in_use() is box.new) == ("watched", True)


async def test_after_the_first_hour_a_refusal_is_for_people(box: Box) -> None:
    await switched(box)
    box.clock.advance(HOUR + 1)
    await box.desk.heard(STRUCTURE, {Role.AUTH_CLI}, WHY, box.now())
    assert box.in_use() is box.new
    await box.desk.look()
    await box.desk.call_back(PLACE, "workstation:w", WHY)
    assert (await box.state(), box.in_use() is box.old) == ("returned", True)


async def test_in_its_first_hour_it_is_tried_again_even_when_nothing_leaves(box: Box) -> None:
    await switched(box)
    box.clock.advance(900)
    box.services.outcomes[Slot.CURRENT] = "unreachable"
    await box.desk.look()
    assert box.in_use() is box.new, "an outage is no refusal"
    box.clock.advance(900)
    box.services.outcomes[Slot.CURRENT] = "refused"
    await box.desk.look()
    assert (await box.state(), box.in_use() is box.old) == ("returned", True)


async def test_a_former_one_that_is_over_is_not_gone_back_to(box: Box) -> None:
    box.clock.advance(100 * DAY - 60)
    await switched(box)
    box.clock.advance(120)
    await box.desk.heard(STRUCTURE, {Role.AUTH_CLI}, WHY, box.now())
    row = await box.row()
    assert (row.state, box.in_use() is box.new) == ("settled", True)
    assert row.explanation is not None
    assert row.explanation.code == "certificate-expired"


async def test_the_hour_goes_on_after_a_restart(box: Box) -> None:
    await switched(box)
    box.start()
    await box.desk.look()
    box.clock.advance(60)
    await box.desk.heard(STRUCTURE, {Role.AUTH_CLI}, WHY, box.now())
    assert box.in_use() is box.old


async def life(box: Box) -> None:
    """Noticed, rehearsed, switched, refused, come back."""
    await switched(box)
    box.clock.advance(60)
    await box.desk.heard(STRUCTURE, {Role.AUTH_CLI}, WHY, box.now())


CUTS = ["before promote", "after promote", "before restore", "after restore", "renew 1", "renew 2"]
COMMITS = [f"{when} commit {number}" for number in range(1, 7) for when in ("before", "after")]


def cut(box: Box, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    when, _, what = where.partition(" ")
    if what.startswith("commit"):
        box.store.cut_at, box.store.after = int(what.split()[1]), when == "after"
        return
    if when == "renew":
        dies_at = int(what)

        async def dies(structure: str) -> None:
            box.renewed.append(structure)
            if len(box.renewed) == dies_at:
                raise PowerCut

        monkeypatch.setattr(box.desk, "_renew", dies)
        return
    name = {"promote": "promote", "restore": "restore_former"}[what]
    real: Callable[[str, Role], object] = getattr(box.keys, name)

    def move(*asked: Any) -> None:
        if when == "after":
            real(*asked)
        raise PowerCut

    monkeypatch.setattr(box.keys, name, move)


@pytest.mark.parametrize("where", CUTS + COMMITS)
async def test_a_power_cut_at_any_instant_leaves_a_key_and_is_finished_at_the_next_start(
    box: Box, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(box, where, monkeypatch)
    with contextlib.suppress(PowerCut):
        await life(box)
    box.store.cut_at = None
    assert box.in_use() in (box.old, box.new), "at no instant the role is without a key"
    box.start()
    await box.desk.look()
    rows = await box.store.successions()
    assert [one.state for one in rows if one.state in ("switching", "returning")] == [], "nothing stays half done"
    known = rows[0]
    wanted = {"watched": box.new, "returned": box.old, "rehearsed": box.old, "waiting": box.old}[known.state]
    assert box.in_use() is wanted
    acts = await box.acts()
    assert acts.count("switched") == acts.count("switching")
    assert acts.count("returned") == acts.count("returning")
    events = [one.kind for one in await box.store.events_after(0, 100)]
    assert len(events) == len(acts)


async def test_the_audit_trail_holds(box: Box) -> None:
    await life(box)
    assert await box.acts() == ["noticed", "rehearsed", "switching", "switched", "returning", "returned"]
    assert await box.store.verify_audit() is None


async def test_one_role_that_fails_stops_no_other(box: Box) -> None:
    profile: Profile = AUTH_CLI
    box.put(shared_pki().issue(profile, common_name="INSI-AUTO"), Slot.NEXT, Role.INSI_AUTO)
    path = box.home / "keys" / STRUCTURE / "auth_cli.next.sealed"
    path.write_bytes(path.read_bytes()[:-1])
    box.start()
    await box.desk.look()
    assert [(one.role, one.state) for one in await box.store.successions()] == [("insi_auto", "watched")]


@pytest.mark.parametrize("cut", [True, False])
async def test_a_certificate_that_took_the_place_of_the_rehearsed_one_is_not_put_into_use_untried(
    box: Box, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    await box.desk.look()
    other = shared_pki().issue(AUTH_CLI)
    if cut:
        box.store.cut_at = box.store.commits + 1
        box.store.after = True
        with pytest.raises(PowerCut):
            await box.desk.switch(PLACE, "x")
        assert await box.state() == "switching"
        box.put(other, Slot.NEXT)
        box.start()
    else:
        promote = box.keys.promote

        def late(*asked: Any) -> Any:
            box.put(other, Slot.NEXT)
            return promote(*asked)

        monkeypatch.setattr(box.keys, "promote", late)
        await box.desk.switch(PLACE, "x")
    box.services.outcomes[Slot.NEXT] = "refused"
    for _look in range(3):
        await box.desk.look()
    assert box.in_use() is box.old
    assert (await box.row()).following == sha256(other.der).hexdigest()
    assert await box.state() == "refused"
