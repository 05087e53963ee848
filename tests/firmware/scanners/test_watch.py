"""Scanners on real pseudo-terminals: plugged, read, unplugged, plugged again under another name, held by others, flooding, tested."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import termios
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest
import serial

from firmware.errors import ScannerUnknown
from firmware.protocol import NoticeType
from firmware.scanners.device import Heard
from firmware.scanners.errors import LinesUnreadable, ScannerNotConnected
from firmware.scanners.framing import LONGEST
from firmware.scanners.pace import BURST, PER_SECOND
from firmware.scanners.ports import Port, ScannerRules
from firmware.scanners.watch import ScannerEvent
from tests.firmware.scanners.plug import EVERY, INS_LIKE, Plugged, Told, by_name, until, watching
from tests.firmware.scanners.uart import Line


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


SCAN, IN, OUT = NoticeType.SCAN, NoticeType.SCANNER_IN, NoticeType.SCANNER_OUT


async def test_a_scan_is_told_as_it_came_and_by_whom(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    async with watching(scanner.path) as (watch, told):
        shown = by_name(watch, scanner.path)
        assert (shown.connected, shown.speed, shown.framing, shown.trouble) == (True, 9600, "8N1", None)
        everything = bytes(one for one in range(256) if one not in b"\x02\r\n")
        scanner.send(INS_LIKE + b"\r")
        scanner.send(everything + b"\r")
        await until(lambda: len(told.scans()) == 2)
    assert told.scans(shown.id) == [INS_LIKE, everything]
    assert [one.faults for one in told.of(SCAN)] == [(), ()]
    assert [one.type for one in told.events] == [IN, SCAN, SCAN]


async def test_the_kernel_is_asked_to_mark_damage_so_that_no_sound_byte_is_taken_for_a_mark(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    async with watching(scanner.path) as (_, told):
        assert termios.tcgetattr(scanner.master)[0] & termios.PARMRK
        scanner.send(b"A\xff\xffB\xff\x00C\r")
        await until(lambda: bool(told.scans()))
    assert [(one.scan, one.faults) for one in told.of(SCAN)] == [(b"A\xff\xffB\xff\x00C", ())]


async def test_a_label_cut_at_each_byte_comes_out_whole(tmp_path: Path) -> None:
    """The scanner is opened anew before its scans become a flood."""
    scanner = Plugged(tmp_path / "one")
    label = b"\x02" + INS_LIKE + b"\xff\x03"
    for start in range(1, len(label), BURST):
        async with watching(scanner.path) as (_, told):
            for cut in range(start, min(start + BURST, len(label))):
                scanner.send(label[:cut])
                await asyncio.sleep(0.002)
                scanner.send(label[cut:])
                await until(lambda: len(told.scans()) == cut - start + 1, f"cut at {cut}")  # noqa: B023 - waited for before the next one
            assert {(one.scan, one.faults) for one in told.of(SCAN)} == {(INS_LIKE + b"\xff", ())}


async def test_unplugged_then_plugged_under_another_name_it_is_the_same_scanner(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    async with watching(scanner.path) as (watch, told):
        first = by_name(watch, scanner.path)
        scanner.send(b"HALF OF A LABEL")
        await asyncio.sleep(0.02)
        scanner.unplug()
        await until(lambda: bool(told.of(OUT)))
        held = os.openpty()  # so that the next one gets another number
        gone = by_name(watch, scanner.path)
        assert (gone.id, gone.connected, gone.trouble) == (first.id, False, "absent")
        again = Plugged(scanner.path)
        assert again.line != scanner.line
        await until(lambda: len(told.of(IN)) == 2)
        again.send(b"AFTER\r")
        await until(lambda: bool(told.of(SCAN)))
        assert [one.type for one in told.events] == [IN, OUT, IN, SCAN]
        assert {one.device for one in told.events} == {first.id}
        assert told.scans() == [b"AFTER"]
        for one in held:
            os.close(one)


async def test_a_line_that_vanishes_without_a_word_is_left(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    port = Port(id="scanner-0123456789", name="one", path=str(scanner.path))
    there = [port]
    async with watching(discover=lambda *_: tuple(there)) as (watch, told):
        there.clear()
        await until(lambda: bool(told.of(OUT)))
        assert [one.trouble for one in watch.list()] == ["absent"]
        with serial.Serial(str(scanner.path), exclusive=True):
            pass


async def test_known_by_its_identity_when_the_kernel_names_it_anew_while_it_is_open(tmp_path: Path) -> None:
    before, after = Plugged(tmp_path / "ttyUSB0"), Plugged(tmp_path / "ttyUSB1")
    port = [Port(id="scanner-0123456789", name="one", path=str(before.path))]
    async with watching(discover=lambda *_: tuple(port)) as (_, told):
        port[:] = [Port(id="scanner-0123456789", name="one", path=str(after.path))]
        await until(lambda: len(told.of(IN)) == 2)
        after.send(b"HERE\r")
        await until(lambda: bool(told.of(SCAN)))
    assert told.scans("scanner-0123456789") == [b"HERE"]


async def test_two_scanners_speak_at_once_and_one_unplugged_leaves_the_other(tmp_path: Path) -> None:
    one, two = Plugged(tmp_path / "one"), Plugged(tmp_path / "two")
    async with watching(one.path, two.path) as (watch, told):
        names = {path: by_name(watch, path).id for path in (one.path, two.path)}
        for n in range(8):
            one.send(b"ONE-%d\r" % n)
            two.send(b"TWO-")
            one.send(b"one-%d\r" % n)
            two.send(b"%d\r" % n)
        await until(lambda: len(told.scans()) == 24)
        one.unplug()
        await until(lambda: bool(told.of(OUT)))
        two.send(b"STILL\r")
        await until(lambda: len(told.scans()) == 25)
    assert told.scans(names[one.path]) == [text for n in range(8) for text in (b"ONE-%d" % n, b"one-%d" % n)]
    assert told.scans(names[two.path]) == [*(b"TWO-%d" % n for n in range(8)), b"STILL"]
    assert [event.device for event in told.of(OUT)] == [names[one.path]]


async def test_a_line_another_program_holds_is_said_busy_and_taken_once_it_is_free(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    other = serial.Serial(str(scanner.path), exclusive=True)
    async with watching(scanner.path) as (watch, told):
        assert (by_name(watch, scanner.path).connected, by_name(watch, scanner.path).trouble) == (False, "busy")
        with pytest.raises(ScannerNotConnected):
            watch.begin_test(by_name(watch, scanner.path).id)
        other.close()
        await until(lambda: bool(told.of(IN)))
        with pytest.raises(serial.SerialException, match="exclusively lock"):
            serial.Serial(str(scanner.path), exclusive=True)
    with serial.Serial(str(scanner.path), exclusive=True):
        pass


async def test_a_line_that_is_none_is_told_and_nothing_breaks(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no line")
    async with watching(tmp_path / "file", tmp_path / "absent") as (watch, told):
        assert [(one.name, one.trouble) for one in watch.list()] == [("file", "failed")]
        await asyncio.sleep(EVERY * 2)
    assert told.events == []


async def test_a_line_nobody_said_is_a_scanner_is_shown_and_never_opened(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "panel")
    port = Port(id="scanner-0123456789", name="CP2102", path=str(scanner.path), used=False)
    async with watching(discover=lambda *_: (port,)) as (watch, told):
        scanner.send(b"NOT FOR US\r")
        await asyncio.sleep(EVERY * 2)
        assert [(one.name, one.connected, one.trouble) for one in watch.list()] == [("CP2102", False, "unused")]
        line = os.open(scanner.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)  # refused, were it held (TIOCEXCL)
        fcntl.flock(line, fcntl.LOCK_EX | fcntl.LOCK_NB)  # so this, which even root is refused
        os.close(line)
    assert told.events == []


async def test_a_defect_in_a_look_does_not_end_the_looking(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scanner = Plugged(tmp_path / "one")
    looks = itertools.count()

    def discover(_rules: ScannerRules, _twins: Collection[str]) -> Sequence[Port]:
        look = next(looks)
        if look == 1:
            raise ZeroDivisionError("SECRET")
        return (Port(id="scanner-0123456789", name="one", path=str(scanner.path)),) if look else ()

    async with watching(discover=discover) as (_, told):
        await until(lambda: bool(told.of(IN)))
    assert "ZeroDivisionError" in caplog.text
    assert "SECRET" not in caplog.text


async def test_a_defect_in_the_first_look_leaves_no_box_without_scanners(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    looks = itertools.count()

    def discover(_rules: ScannerRules, _twins: Collection[str]) -> Sequence[Port]:
        if next(looks) == 0:
            raise ZeroDivisionError
        return (Port(id="scanner-0123456789", name="one", path=str(scanner.path)),)

    async with watching(discover=discover) as (_, told):
        await until(lambda: bool(told.of(IN)))


async def test_a_look_that_fails_is_tried_again(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    looks = 0

    def discover(_rules: ScannerRules, _twins: Collection[str]) -> Sequence[Port]:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise LinesUnreadable
        return (Port(id="scanner-0123456789", name="one", path=str(scanner.path)),)

    async with watching(discover=discover) as (_, told):
        await until(lambda: bool(told.of(IN)))


async def test_a_scan_of_four_kilobytes_passes_and_a_longer_one_is_told_without_its_bytes(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    async with watching(scanner.path) as (_, told):
        for size in (LONGEST, LONGEST + 1, 20_000, 5):
            await pour(scanner, b"x" * size + b"\r")
            await until(lambda: bool(told.of(SCAN)))
        await until(lambda: told.scans()[-1] == b"xxxxx")
    assert [(len(one.scan or b""), one.faults) for one in told.of(SCAN)][:2] == [(LONGEST, ()), (0, ("too_long",))]
    assert [one.faults for one in told.of(SCAN)][2:] == [("too_long",), ()]


async def test_a_line_that_never_ends_its_scan_is_left_unread_for_a_while_then_read_again(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    async with watching(scanner.path) as (_, told):
        await pour(scanner, b"x" * 100_000)
        await until(lambda: any("flood" in one.faults for one in told.of(SCAN)))
        await until(lambda: _answers(scanner, told))
    assert {one.scan for one in told.of(SCAN)} <= {None, b"LABEL"}


def _answers(scanner: Plugged, told: Told) -> bool:
    """Somebody scans again and again until it is heard."""
    if len(told.of(SCAN)) < 30:
        scanner.send(b"\rLABEL\r")
    return b"LABEL" in told.scans()


async def pour(scanner: Plugged, data: bytes) -> None:
    """As much as the line takes at a time, without blocking the box that reads it."""
    os.set_blocking(scanner.master, False)
    while data:
        try:
            data = data[os.write(scanner.master, data[:2048]) :]
        except BlockingIOError:
            await asyncio.sleep(0.001)


async def test_a_flood_is_told_once_kept_to_a_pace_and_harms_no_other_scanner(tmp_path: Path) -> None:
    mad, sane = Plugged(tmp_path / "mad"), Plugged(tmp_path / "sane")
    async with watching(mad.path, sane.path) as (watch, told):
        names = {path: by_name(watch, path).id for path in (mad.path, sane.path)}
        await pour(mad, b"GARBAGE\r" * 600)
        sane.send(b"LABEL\r")
        await until(lambda: told.scans(names[sane.path]) == [b"LABEL"])
        await until(lambda: len(told.of(SCAN, names[mad.path])) > BURST)
        await asyncio.sleep(0.1)
        flood = [one for one in told.of(SCAN, names[mad.path]) if "flood" in one.faults]
        assert [one.scan for one in flood] == [None]
        assert len(told.of(SCAN, names[mad.path])) <= BURST + 1 + 2 * PER_SECOND


async def test_binary_noise_is_told_and_not_kept_and_the_next_label_is_read(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    async with watching(scanner.path) as (_, told):
        scanner.send_marked(bytes(range(0x80, 0xC0)) + b"\xff\x00\x81" * 60 + b"\xff\x00\x00")
        await until(lambda: bool(told.scans()))
        [noise] = told.of(SCAN)
        assert (noise.scan, set(noise.faults)) == (None, {"line", "break", "noise"})
        scanner.send_marked(b"LAB\xff\x00EL\r")
        await until(lambda: len(told.scans()) == 2)
    assert (told.of(SCAN)[1].scan, told.of(SCAN)[1].faults) == (b"LABEL", ("line",))


@pytest.mark.parametrize("line", [Line(1200, 7, "E"), Line(115200), Line(9600, 7, "O"), Line(4800)])
async def test_a_test_finds_speed_and_parity_and_they_are_remembered(tmp_path: Path, line: Line) -> None:
    scanner, memory = Plugged(tmp_path / "one"), tmp_path / "scanners.json"
    async with watching(scanner.path, memory=memory) as (watch, told):
        identifier = by_name(watch, scanner.path).id
        watch.begin_test(identifier, 60)
        for scans in range(1, 10):
            scanner.scan(INS_LIKE + b"\r\n", line, watch, identifier)
            await until(lambda: len(told.scans()) == scans)  # noqa: B023 - waited for before the next one
            assert told.of(SCAN)[-1].test
            if by_name(watch, scanner.path).tested:
                break
        last = told.of(SCAN)[-1]
        assert (last.scan, last.faults) == (INS_LIKE + b"\r\n", ())
        assert all("garbled" in one.faults for one in told.of(SCAN)[:-1])
        shown = by_name(watch, scanner.path)
        assert (shown.speed, shown.framing, shown.ending) == (line.speed, f"{line.bits}{line.parity}1", "crlf")
    async with watching(scanner.path, memory=memory) as (watch, told):
        shown = by_name(watch, scanner.path)
        assert (shown.speed, shown.framing, shown.tested) == (line.speed, f"{line.bits}{line.parity}1", True)
        scanner.scan(INS_LIKE + b"\r\n", line, watch, identifier)
        await until(lambda: bool(told.scans()))
    assert told.scans() == [INS_LIKE]


async def test_a_test_that_ends_without_a_text_leaves_all_as_it_was(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    async with watching(scanner.path) as (watch, told):
        identifier = by_name(watch, scanner.path).id
        watch.begin_test(identifier, 1.0)
        scanner.send_marked(b"\xff\x00\x81" * 20)
        await until(lambda: bool(told.scans()))
        assert by_name(watch, scanner.path).speed != 9600
        await until(lambda: by_name(watch, scanner.path).speed == 9600)
        scanner.send(b"LABEL\r")
        await until(lambda: len(told.scans()) == 2)
    assert [(one.scan, one.test) for one in told.of(SCAN)][-1] == (b"LABEL", False)


async def test_a_scanner_unplugged_in_mid_test_comes_back_untested(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    async with watching(scanner.path) as (watch, told):
        watch.begin_test(by_name(watch, scanner.path).id, 60)
        scanner.unplug()
        await until(lambda: bool(told.of(OUT)))
        again = Plugged(scanner.path)
        await until(lambda: len(told.of(IN)) == 2)
        again.send(b"LABEL\r")
        await until(lambda: bool(told.scans()))
    assert [(one.scan, one.test) for one in told.of(SCAN)] == [(b"LABEL", False)]


async def test_a_test_of_nobody_is_refused() -> None:
    async with watching() as (watch, _):
        with pytest.raises(ScannerUnknown):
            watch.begin_test("scanner-0000000000")


async def test_what_waits_unread_because_the_box_was_late_is_one_scan(tmp_path: Path) -> None:
    """The loop stands still, longer than a silence, in the middle of a label."""
    import time

    scanner = Plugged(tmp_path / "one")
    async with watching(scanner.path) as (watch, told):
        scanner.send(INS_LIKE[:50])
        await asyncio.sleep(0.05)
        scanner.send(INS_LIKE[50:])
        time.sleep(0.3)  # noqa: ASYNC251 - this is the stall
        [(_, device)] = watch._open.values()
        device._silent()  # a loop may serve its clocks before its lines
        await until(lambda: bool(told.scans()))
        await asyncio.sleep(0.2)
    assert told.scans() == [INS_LIKE]


async def test_once_stopped_nothing_is_told_and_no_descriptor_is_left(tmp_path: Path) -> None:
    before = descriptors()
    scanner = Plugged(tmp_path / "one")
    async with watching(scanner.path) as (_, told):
        pass
    scanner.send(b"LATE\r")
    await asyncio.sleep(0.2)
    assert told.scans() == []
    scanner.unplug()
    assert descriptors() <= before


async def test_a_hundred_plugs_and_unplugs_leave_nothing_behind(tmp_path: Path) -> None:
    async with watching(tmp_path / "one") as (_, told):
        before = 0
        for n in range(1, 41):
            scanner = Plugged(tmp_path / "one")
            await until(lambda: len(told.of(IN)) == n)  # noqa: B023 - waited for before the next one
            scanner.send(b"%d\r" % n)
            await until(lambda: len(told.scans()) == n)  # noqa: B023
            scanner.unplug()
            await until(lambda: len(told.of(OUT)) == n)  # noqa: B023
            before = before or descriptors()
        assert descriptors() == before
    assert told.scans() == [b"%d" % n for n in range(1, 41)]


def test_nothing_shows_what_was_scanned() -> None:
    assert "SECRET" not in repr(ScannerEvent(type=SCAN, device="scanner-0123456789", scan=b"SECRET"))
    assert "SECRET" not in repr(Heard(data=b"SECRET"))
