"""Scanners over the API, end to end: a real pseudo-terminal, the watch of the device process, the desk, the event stream, the reading.

Each trap of the INS datamatrix (insi.md 5) is typed by a scanner here and read by a workstation.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from firmware import protocol
from gateway.ins.datamatrix import GS
from gateway.kernel.config import ScannerDesk as FixedDesk
from tests.api.judge import check_answer, check_problem
from tests.api.rig import Box, Served, configuration_of, open_box, served
from tests.api.test_events import take
from tests.firmware.scanners.plug import Plugged, until
from tests.firmware.scanners.uart import Line
from tests.flow.scanning import Devices, scanning
from tests.ins.test_datamatrix import VECTOR
from tests.ins.test_scan import ENGLISH, FRENCH, SHIFT_LOCKED, arranged

BASE = "/api/v1"
READING = "/scanners/{scanner_id}/reading/{reading_id}"
WORDS = ("277010115400329", "garcia", "sarah-lou", "21-01-1977", "1977-01-21")


async def ask(box: Box, method: str, path: str, *, token: str = "own", route: str | None = None) -> httpx.Response:
    async with box.client(token) as client:
        answer = await client.request(method, BASE + path)
    check_answer(answer, route or path)
    return answer


async def act(box: Box, scanner: str, verb: str, *, token: str = "own") -> httpx.Response:
    return await ask(box, "POST", f"/scanners/{scanner}/{verb}", token=token, route=f"/scanners/{{scanner_id}}/{verb}")


async def read(box: Box, scanner: str, reading: str, *, token: str = "own") -> httpx.Response:
    return await ask(box, "GET", f"/scanners/{scanner}/reading/{reading}", token=token, route=READING)


async def only_scanner(box: Box) -> dict[str, Any]:
    [one] = (await ask(box, "GET", "/scanners")).json()
    return dict(one)


@pytest.fixture
def scanner(tmp_path: Path) -> Plugged:
    (tmp_path / "by-id").mkdir()
    return Plugged(tmp_path / "by-id" / "one")


@asynccontextmanager
async def scene(here: Served, *scanners: Plugged) -> AsyncIterator[Devices]:
    async with scanning(here.box.relay.scanners, *(one.path for one in scanners)) as devices:
        yield devices


async def scanned(here: Served, scanner: Plugged, data: bytes, *, token: str = "own") -> dict[str, Any]:
    """What the workstation makes of one scan: hears of it on its stream, then asks for it."""
    return await heard_of(here, lambda: scanner.send(data), token=token)


async def heard_of(here: Served, send: Callable[[], None], *, token: str = "own") -> dict[str, Any]:
    async with here.client(token) as client, client.stream("GET", f"{BASE}/events") as answer:
        send()
        [event] = await take(answer, 1, "scan.")
    said = json.loads(event["data"])
    assert event["event"] == "scan.read"
    assert [word for word in WORDS if word in event["data"].lower()] == []
    reading = await read(here.box, said["scanner"], said["reading"], token=token)
    assert reading.headers["cache-control"] == "no-store"
    view: dict[str, Any] = reading.json()
    assert view["scanner"] == said["scanner"]
    return view


async def paired(here: Served) -> str:
    identifier: str = (await only_scanner(here.box))["id"]
    assert (await act(here.box, identifier, "pair")).json()["paired"] == "here"
    return identifier


def typed(keys: dict[str, str], text: str = VECTOR) -> str:
    return "".join(keys.get(sign, sign) for sign in text)


TRAPS = {
    "as it should be": (VECTOR, False),
    "with the sign of the symbology": ("]d2" + VECTOR, False),
    "the name last": (arranged(("S1", "S2", "S3", "S5", "S6", "S7", "S4")), False),
    "separators written <GS>": (VECTOR.replace(GS, "<GS>"), True),
    "separators written {GS}": (VECTOR.replace(GS, "{GS}"), True),
    "separators lost": (VECTOR.replace(GS, ""), True),
    "separators made spaces": (VECTOR.replace(GS, " "), True),
    "keyboard in QWERTY, understood as AZERTY": (typed(FRENCH), True),
    "the same, separators lost": (typed(FRENCH, VECTOR.replace(GS, "")), True),
    "keyboard in AZERTY, understood as QWERTY": (typed(ENGLISH), True),
    "shift lock": (typed(SHIFT_LOCKED, VECTOR.lower()), True),
    "capitals and small letters exchanged": (VECTOR.swapcase(), True),
}


async def test_each_trap_of_the_datamatrix_gives_the_identity(here: Served, scanner: Plugged) -> None:
    async with scene(here, scanner):
        await paired(here)
        for trap, (text, repaired) in TRAPS.items():
            view = await scanned(here, scanner, text.encode() + b"\r")
            assert view["kind"] == "ins", trap
            assert view["ins"]["ins"] == {"matricule": "277010115400329", "oid": "1.2.250.1.213.1.4.8", "nature": "NIR"}, trap
            traits = view["ins"]["traits"]
            assert (traits["birth_family_name"], traits["birth_given_names"]) == ("GARCIA-HAMMADI", "SARAH-LOU ANNA"), trap
            assert (traits["sex"], traits["birth_date"], traits["birth_place"]) == ("F", "1977-01-21", "01154"), trap
            assert (view["ins"]["repaired"], view["ins"]["verified"]) == (repaired, False), trap
            assert (view["text"], view["base64"]) == (None, None), trap


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (VECTOR[:60], "scan-incomplete"),
        (VECTOR.replace("277010115400329", "277010115400330"), "ins-key-invalid"),
        (VECTOR.replace("S4GARCIA", "S9GARCIA"), "scan-unreadable"),
        (arranged(("S1", "S2", "S5", "S6", "S4", "S3"), "").replace("SARAH-LOU ANNA", "SARAH-LOU ANNAS"), "scan-ambiguous"),
    ],
)
async def test_a_datamatrix_that_cannot_be_trusted_is_refused_without_repeating_it(
    here: Served, scanner: Plugged, text: str, code: str
) -> None:
    async with scene(here, scanner):
        await paired(here)
        view = await scanned(here, scanner, text.encode() + b"\r")
    assert (view["kind"], view["explanation"]["code"], view["ins"], view["text"]) == ("refused", code, None, None)
    assert [word for word in WORDS if word in json.dumps(view).lower()] == []


async def test_anything_else_is_handed_on_as_it_is(here: Served, scanner: Plugged) -> None:
    """An ApCV code, whose format is not public, goes through untouched (cards.md 2.3)."""
    async with scene(here, scanner):
        await paired(here)
        view = await scanned(here, scanner, b"AV1;Zm9vYmFyLXF1eA==;\x1d\xc3\xa9\r")
        assert (view["kind"], view["text"], view["base64"]) == ("unknown", "AV1;Zm9vYmFyLXF1eA==;\x1dé", "QVYxO1ptOXZZbUZ5TFhGMWVBPT07HcOp")
        view = await scanned(here, scanner, b"\x80\xff\x00BIN\r")
        assert (view["kind"], view["text"], view["base64"]) == ("unknown", None, "gP8AQklO")


async def test_a_damaged_scan_is_refused_and_not_kept(here: Served, scanner: Plugged) -> None:
    async with scene(here, scanner):
        await paired(here)
        async with here.client() as client, client.stream("GET", f"{BASE}/events") as answer:
            scanner.send_marked(VECTOR.encode()[:90] + b"\xff\x00A" + VECTOR.encode()[91:] + b"\r")
            [event] = await take(answer, 1, "scan.")
        said = json.loads(event["data"])
        view = (await read(here.box, said["scanner"], said["reading"])).json()
        assert (view["kind"], view["explanation"]["code"], view["ins"]) == ("refused", "scan-damaged", None)
        assert (await only_scanner(here.box))["trouble"]["code"] == "scan-damaged"


async def test_a_reading_is_given_once_to_its_workstation_within_a_minute(here: Served, scanner: Plugged) -> None:
    box = here.box
    async with scene(here, scanner):
        identifier = await paired(here)
        async with here.client() as client, client.stream("GET", f"{BASE}/events") as answer:
            for _ in range(3):
                scanner.send(VECTOR.encode() + b"\r")
            names = [json.loads(one["data"])["reading"] for one in await take(answer, 3, "scan.")]
        assert len(set(names)) == 3
        check_problem(await read(box, identifier, names[0], token=box.other_token), 404, "reading-gone")
        check_problem(await read(box, identifier, names[0], token=box.operator_token), 404, "reading-gone")
        check_problem(await read(box, "scanner-0000000000", names[0]), 404, "reading-gone")
        assert (await read(box, identifier, names[0])).json()["kind"] == "ins"
        check_problem(await read(box, identifier, names[0]), 404, "reading-gone")
        box.clock.advance(59)
        assert (await read(box, identifier, names[1])).status_code == 200
        box.clock.advance(2)
        check_problem(await read(box, identifier, names[2]), 404, "reading-gone")
        async with here.client() as client, client.stream("GET", f"{BASE}/events", headers={"Last-Event-ID": "0"}) as answer:
            scanner.send(b"NEXT\r")
            [event] = await take(answer, 1, "scan.")
    assert json.loads(event["data"])["reading"] not in names


async def test_only_the_paired_workstation_hears_of_it(here: Served, scanner: Plugged, tmp_path: Path) -> None:
    box, second = here.box, Plugged(tmp_path / "by-id" / "two")
    async with scene(here, scanner, second):
        by_name = {one["name"]: one["id"] for one in (await ask(box, "GET", "/scanners")).json()}
        await act(box, by_name["one"], "pair")
        await act(box, by_name["two"], "pair", token=box.other_token)
        async with here.client(box.other_token) as client, client.stream("GET", f"{BASE}/events") as answer:
            scanner.send(VECTOR.encode() + b"\r")
            await until(lambda: len(box.relay.scanners._readings._held) == 1)
            second.send(b"MINE\r")
            [event] = await take(answer, 1, "scan.")
        assert json.loads(event["data"])["scanner"] == by_name["two"]
        async with (
            here.client(box.operator_token) as client,
            client.stream("GET", f"{BASE}/events", headers={"Last-Event-ID": "0"}) as answer,
        ):
            receipt = await box.accept()
            [event] = await take(answer, 1)
        assert json.loads(event["data"])["id"] == receipt["id"]


async def test_a_scanner_paired_with_nobody_keeps_nothing_and_says_so(here: Served, scanner: Plugged) -> None:
    box = here.box
    async with scene(here, scanner):
        scanner.send(VECTOR.encode() + b"\r")
        await until(lambda: bool(box.relay.scanners._troubles))
        assert (await only_scanner(box))["trouble"]["code"] == "scanner-not-paired"
        assert await box.store.events_after(0, 10) == []
        assert box.relay.scanners._readings._held == {}
        assert (await act(box, (await only_scanner(box))["id"], "pair")).json()["trouble"] is None


async def test_pairing_is_an_act_of_the_audit_trail_and_nobody_takes_the_scanner_of_another(here: Served, scanner: Plugged) -> None:
    box = here.box
    async with scene(here, scanner):
        identifier = (await only_scanner(box))["id"]
        await act(box, identifier, "pair")
        await act(box, identifier, "pair")
        assert (await ask(box, "GET", "/scanners", token=box.other_token)).json()[0]["paired"] == "elsewhere"
        for verb in ("pair", "unpair", "test"):
            check_problem(await act(box, identifier, verb, token=box.other_token), 409, "scanner-of-another")
        assert (await act(box, identifier, "unpair")).json()["paired"] is None
        assert (await act(box, identifier, "pair", token=box.other_token)).json()["paired"] == "here"
        assert (await act(box, identifier, "unpair", token=box.operator_token)).json()["paired"] is None
    lines = [(one.act, one.actor, one.detail) for one in await box.store.audit_after(0, 100)]
    assert [one[0] for one in lines] == ["scanner.paired", "scanner.unpaired", "scanner.paired", "scanner.unpaired"]
    assert lines[0] == ("scanner.paired", f"workstation:{box.workstation.id}", {"scanner": identifier, "workstation": box.workstation.id})


async def test_a_revoked_workstation_hears_of_nothing_more(here: Served, scanner: Plugged) -> None:
    box = here.box
    async with scene(here, scanner):
        await paired(here)
        await box.store.commit(msgspec.structs.replace(box.workstation, revoked=True))
        [view] = (await ask(box, "GET", "/scanners", token=box.other_token)).json()
        assert view["paired"] is None
        scanner.send(VECTOR.encode() + b"\r")
        await until(lambda: bool(box.relay.scanners._troubles))
        assert await box.store.events_after(0, 10) == []


async def test_a_pairing_written_in_the_settings_is_not_for_the_page_to_change(tmp_path: Path, scanner: Plugged) -> None:
    devices = Devices(scanner.path)
    await devices.watch.start()
    identifier = devices.watch.list()[0].id
    await devices.watch.stop()
    configuration = msgspec.structs.replace(configuration_of(), scanners=(FixedDesk(id=identifier, workstation="Cabinet 2"),))
    box = await open_box(tmp_path, configuration=configuration)
    async with served(box) as here, scene(here, scanner):
        assert ((await only_scanner(box))["paired"], (await only_scanner(box))["by_setting"]) == ("elsewhere", True)
        for token in ("own", box.other_token):
            check_problem(await act(box, identifier, "pair", token=token), 409, "scanner-paired-by-setting")
        assert (await scanned(here, scanner, VECTOR.encode() + b"\r", token=box.other_token))["kind"] == "ins"


async def test_a_test_shows_what_came_and_finds_the_speed(here: Served, scanner: Plugged) -> None:
    box = here.box
    async with scene(here, scanner) as devices:
        identifier = await paired(here)
        begun = (await act(box, identifier, "test")).json()
        assert (begun["scanner"], begun["seconds_left"], begun["scans"], begun["received"]) == (identifier, 60, 0, None)
        views: list[dict[str, Any]] = []
        label = VECTOR.encode() + b"\r\n"
        while not views or views[-1]["received"]["advice"][0]["code"] == "speed-sought":
            views.append(await heard_of(here, lambda: scanner.scan(label, Line(115200, 7, "E"), devices.watch, identifier)))
        assert len(views) == 2
        last = views[-1]["received"]
        assert (views[-1]["kind"], last["datamatrix"], last["length"]) == ("test", True, len(VECTOR) + 2)
        assert [one["code"] for one in last["advice"]] == ["scan-fine"]
        assert [one["name"] for one in last["pieces"] if one["name"]] == ["GS, séparateur"] * 3 + ["CR, touche Entrée", "LF, saut de ligne"]
        shown = await only_scanner(box)
        assert (shown["speed"], shown["framing"], shown["ending"], shown["tested"]) == (115200, "7E1", "crlf", True)
    assert [one.act for one in await box.store.audit_after(0, 100)] == ["scanner.paired", "scanner.tested"]


async def test_a_test_is_over_after_its_minute_and_what_it_showed_is_forgotten(here: Served, scanner: Plugged) -> None:
    box = here.box
    async with scene(here, scanner):
        identifier = await paired(here)
        await act(box, identifier, "test")
        scanner.send(VECTOR.encode() + b"\r")
        await until(lambda: any(one.scans for one in box.relay.scanners._tests._held.values()))
        box.clock.advance(61)
        box.relay.scanners._tests.sweep()
        box.relay.scanners._readings.sweep()
        assert (box.relay.scanners._tests._held, box.relay.scanners._readings._held) == ({}, {})


async def test_what_was_scanned_is_neither_written_nor_logged(
    here: Served, scanner: Plugged, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    box = here.box
    with caplog.at_level(logging.DEBUG):
        async with scene(here, scanner):
            await paired(here)
            await scanned(here, scanner, VECTOR.encode() + b"\r")
            await scanned(here, scanner, VECTOR[:80].encode() + b"\r")
            await act(box, (await only_scanner(box))["id"], "test")
            scanner.send(VECTOR.encode() + b"\r")
            await until(lambda: any(one.scans for one in box.relay.scanners._tests._held.values()))
    kept = "".join(map(repr, [*await box.store.audit_after(0, 100), *await box.store.events_after(0, 100), *await box.store.pairings()]))
    assert [word for word in WORDS if word in (kept + caplog.text + _written(tmp_path)).lower()] == []
    assert "scanner.tested" in kept


def _written(folder: Path) -> str:
    return "".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


async def test_unplugged_it_is_said_so_and_back_it_speaks_to_the_same_workstation(here: Served, scanner: Plugged) -> None:
    box = here.box
    async with scene(here, scanner):
        identifier = await paired(here)
        scanner.unplug()
        async with box.client() as client:

            async def gone() -> bool:
                return not (await client.get(f"{BASE}/scanners")).json()[0]["connected"]

            while not await gone():
                pass
        assert (await only_scanner(box))["trouble"]["code"] == "scanner-absent"
        check_problem(await act(box, identifier, "test"), 409, "scanner-not-connected")
        again = Plugged(scanner.path)
        async with box.client() as client:
            while await gone():
                pass
        assert (await scanned(here, again, VECTOR.encode() + b"\r"))["kind"] == "ins"


async def test_what_does_not_exist_is_told(here: Served, scanner: Plugged) -> None:
    box = here.box
    async with scene(here, scanner):
        for verb in ("pair", "unpair", "test"):
            check_problem(await act(box, "scanner-0000000000", verb), 404, "scanner-unknown")
        check_problem(await read(box, "scanner-0000000000", "x"), 404, "reading-gone")


async def test_without_a_device_process_it_is_said(box: Box) -> None:
    check_problem(await ask(box, "GET", "/scanners"), 503, "devices-silent")
    check_problem(await act(box, "scanner-0000000000", "pair"), 503, "devices-silent")


async def test_a_journal_that_refuses_costs_the_scan_and_not_the_listening(here: Served, scanner: Plugged) -> None:
    notice = protocol.Notice(sequence=1, type=protocol.NoticeType.SCAN, at=0.0, device="scanner-1", scan=b"SECRET")
    async with scene(here, scanner):
        await paired(here)
        await here.box.relay.scanners.heard(msgspec.structs.replace(notice, type=protocol.NoticeType.BUTTON_SHORT))
        await here.box.relay.scanners.heard(msgspec.structs.replace(notice, device=None))
        await here.box.relay.scanners.heard(notice)
        assert (await scanned(here, scanner, b"AFTER\r"))["text"] == "AFTER"
