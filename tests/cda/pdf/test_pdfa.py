"""Conversion to PDF/A-1b: judged by Apache Preflight, poppler and qpdf; and every way it fails."""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import pikepdf
import psutil
import pytest

from gateway.cda.pdf import ghostscript
from gateway.cda.pdf.check import Flaw, PdfBomb, PdfEncrypted, PdfLimits, PdfRefused, inspect_pdf
from gateway.cda.pdf.pdfa import (
    ConversionInterrupted,
    ConversionLimits,
    GhostscriptMissing,
    PdfaConversionFailed,
    convert_to_pdfa1b,
)
from gateway.kernel.errors import ErrorClass
from tests.cda import pdf_samples as samples
from tests.cda.pdf_judges import fonts_embedded, page_count, preflight, qpdf_check, text_of
from tests.tools import need_tool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The caller's private folder."""
    need_tool("gs")
    private = tmp_path / "work"
    private.mkdir(mode=0o700)
    return private


def placed(folder: Path, data: bytes) -> tuple[Path, Path]:
    source = folder / "in.pdf"
    source.write_bytes(data)
    return source, folder / "out.pdf"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def wait_for_pids(path: Path) -> list[int]:
    """The process ids that a fake converter writes once it runs."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if path.exists() and (found := path.read_text()).endswith("\n"):
            return [int(pid) for pid in found.split()]
        time.sleep(0.01)
    pytest.fail("the fake converter never ran")


def runs(pid: int) -> bool:
    """True while the process lives; a dead one not yet buried by the container's first process does not."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def all_dead(pids: list[int]) -> bool:
    deadline = time.monotonic() + 5
    while any(map(runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(map(runs, pids))


def fake_ghostscript(folder: Path, script: str) -> ConversionLimits:
    """Limits naming a program of ours in place of Ghostscript."""
    program = folder.parent / "ghostscript"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return ConversionLimits(ghostscript=str(program))


def replacing_result(folder: Path, data: bytes) -> ConversionLimits:
    """Limits with a Ghostscript that writes `data` as its conversion and does the rest for real."""
    other = folder.parent / "other.pdf"
    other.write_bytes(data)
    return fake_ghostscript(folder, f'case "$*" in *pdfwrite*) cp {other} converted.pdf;; *) exec {need_tool("gs")} "$@";; esac')


def modern() -> bytes:
    return samples.changed(lambda _: None, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def prefixed() -> bytes:
    return b"junk from a bad upload\r\n" + samples.plain()


def unfinished() -> bytes:
    data = samples.plain(2)
    return data[: data.rindex(b"xref")]


def grouped() -> bytes:
    def change(pdf: pikepdf.Pdf) -> None:
        group = pikepdf.Dictionary(S=pikepdf.Name.Transparency, CS=pikepdf.Name.DeviceRGB, I=True)
        pdf.pages[0].obj.Group = group

    return samples.changed(change)


def with_attachment_note() -> bytes:
    def change(pdf: pikepdf.Pdf) -> None:
        spec = pdf.make_indirect(pikepdf.AttachedFileSpec(pdf, b"x", filename="x.txt").obj)
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FileAttachment, Rect=[9, 9, 20, 20], FS=spec)
        pdf.pages[0].obj.Annots = pikepdf.Array([pdf.make_indirect(note)])

    return samples.changed(change)


SOURCES: list[Callable[[], bytes]] = [
    samples.plain,
    samples.with_javascript,
    samples.with_embedded_file,
    samples.with_launch,
    samples.with_xfa,
    modern,
    prefixed,
    unfinished,
    grouped,
    with_attachment_note,
    samples.form,
    samples.four_colours,
    samples.turned,
]


@pytest.mark.conformity
@pytest.mark.parametrize("make", SOURCES, ids=lambda make: make.__name__)
async def test_the_result_is_a_pdfa1b_with_its_text_and_accents(make: Callable[[], bytes], folder: Path) -> None:
    source, target = placed(folder, make())
    report = await convert_to_pdfa1b(source, target)
    assert preflight(target) == {"out.pdf": []}
    assert "No syntax or stream encoding errors found" in qpdf_check(target)
    assert all(fonts_embedded(target))
    assert " ".join(text_of(target).split()).count(samples.FRENCH) == page_count(target) == report.source.pages
    assert report.result.is_pdfa1b
    assert report.result.marker == "1B"
    assert report.text_kept > 0.99
    assert report.pages_as_images == ()
    assert names(folder) == ["in.pdf", "out.pdf"]


@pytest.mark.conformity
async def test_a_page_with_transparency_becomes_an_image_that_looks_the_same(folder: Path) -> None:
    source, target = placed(folder, samples.transparent())
    report = await convert_to_pdfa1b(source, target)
    assert preflight(target) == {"out.pdf": []}
    assert report.pages_as_images == (1,)
    assert report.result.size < 300_000


@pytest.mark.conformity
async def test_a_logo_with_a_soft_mask_leaves_the_text_a_text(folder: Path) -> None:
    source, target = placed(folder, samples.with_alpha_picture(450, 760))
    report = await convert_to_pdfa1b(source, target)
    assert preflight(target) == {"out.pdf": []}
    assert report.pages_as_images == ()
    assert text_of(target).count(samples.FRENCH) == 12


@pytest.mark.conformity
@pytest.mark.parametrize("make", [lambda: samples.with_alpha_picture(100, 680), lambda: samples.with_alpha_picture(300, 400, band=True)])
async def test_a_stamp_over_words_or_colour_hides_nothing(make: Callable[[], bytes], folder: Path) -> None:
    source, target = placed(folder, make())
    report = await convert_to_pdfa1b(source, target)
    assert preflight(target) == {"out.pdf": []}
    assert report.pages_as_images == (1,)
    assert sorted(names(folder)) == ["in.pdf", "out.pdf"]


async def test_the_values_of_a_form_stay(folder: Path) -> None:
    source, target = placed(folder, samples.form("Poids : 61 kg"))
    await convert_to_pdfa1b(source, target)
    assert "Poids : 61 kg" in text_of(target)


async def test_the_converted_file_is_converted_no_more_and_the_original_untouched(folder: Path) -> None:
    data = samples.plain()
    source, target = placed(folder, data)
    await convert_to_pdfa1b(source, target)
    assert source.read_bytes() == data
    assert inspect_pdf(target).is_pdfa1b


async def test_an_existing_target_is_replaced_whole(folder: Path) -> None:
    source, target = placed(folder, samples.plain())
    target.write_bytes(b"older")
    await convert_to_pdfa1b(source, target)
    assert inspect_pdf(target).pages == 1


@pytest.mark.parametrize(("make", "refusal"), [(samples.encrypted, PdfEncrypted), (samples.bomb, PdfBomb)])
async def test_what_inspection_refuses_is_never_handed_to_ghostscript(
    make: Callable[[], bytes], refusal: type[PdfRefused], folder: Path
) -> None:
    source, target = placed(folder, make())
    with pytest.raises(refusal):
        await convert_to_pdfa1b(source, target, limits=fake_ghostscript(folder, "touch /tmp/never"))
    assert names(folder) == ["in.pdf"]


async def failure(folder: Path, limits: ConversionLimits, data: bytes | None = None) -> PdfaConversionFailed:
    source, target = placed(folder, data or samples.plain(2))
    with pytest.raises(PdfaConversionFailed) as failed:
        await convert_to_pdfa1b(source, target, limits=limits)
    assert names(folder) == ["in.pdf"]
    assert (failed.value.code, failed.value.who, failed.value.error_class) == (
        "pdfa-conversion-failed",
        "le professionnel",
        ErrorClass.HUMAN,
    )
    assert "{" not in failed.value.explanation.what
    return failed.value


async def test_a_converter_that_hangs_is_killed_with_its_children(folder: Path) -> None:
    pids = folder.parent / "pids"
    limits = fake_ghostscript(folder, f"sleep 600 & echo $! $$ > {pids}; wait")
    failed = await failure(folder, ConversionLimits(ghostscript=limits.ghostscript, seconds=0.7))
    assert failed.technical == "timeout"
    found = await asyncio.to_thread(wait_for_pids, pids)
    assert len(found) == 2
    assert await asyncio.to_thread(all_dead, found)


async def test_cancellation_kills_and_cleans(folder: Path) -> None:
    started = folder.parent / "started"
    limits = fake_ghostscript(folder, f"echo $$ > {started}; exec sleep 600")
    source, target = placed(folder, samples.plain())
    task = asyncio.create_task(convert_to_pdfa1b(source, target, limits=limits))
    pids = await asyncio.to_thread(wait_for_pids, started)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(folder) == ["in.pdf"]
    assert await asyncio.to_thread(all_dead, pids)


async def test_a_converter_without_memory_or_room_fails_alone(folder: Path) -> None:
    assert "converter ended" in (await failure(folder, ConversionLimits(memory_bytes=30_000_000))).technical
    assert (await failure(folder, ConversionLimits(output_bytes=2_000))).technical


async def test_a_failing_converter_is_held(folder: Path) -> None:
    assert (await failure(folder, fake_ghostscript(folder, "exit 1"))).technical == "converter ended with 1"
    assert "illisible" in (await failure(folder, fake_ghostscript(folder, "exit 0"))).explanation.what
    assert "illisible" in (await failure(folder, fake_ghostscript(folder, "echo %PDF-1.4 > converted.pdf"))).explanation.what


async def test_a_result_that_is_no_pdfa_is_held(folder: Path) -> None:
    failed = await failure(folder, replacing_result(folder, samples.plain(2)))
    assert Flaw.NO_MARKER in failed.technical


async def converted(folder: Path, data: bytes) -> bytes:
    source, target = placed(folder, data)
    await convert_to_pdfa1b(source, target)
    result = target.read_bytes()
    target.unlink()
    return result


async def test_a_result_that_lost_something_is_held(folder: Path) -> None:
    one_page = await converted(folder, samples.plain(1))
    assert (await failure(folder, replacing_result(folder, one_page))).technical == "page count"
    without_accents = await converted(folder, samples.plain(2, text="Elodie Nol-Lefvre : ordonnance dlivre"))
    assert (await failure(folder, replacing_result(folder, without_accents))).technical == "text"
    blank = await converted(folder, samples.plain(2, text=""))
    assert (await failure(folder, replacing_result(folder, blank))).technical in ("text", "look")


async def test_a_result_that_looks_otherwise_is_held(folder: Path) -> None:
    def blacken(pdf: pikepdf.Pdf) -> None:
        for page in pdf.pages:
            page.obj.Contents = pdf.make_stream(page.obj.Contents.read_bytes() + b"\n0 g 0 0 595 400 re f")

    black = samples.changed(blacken, await converted(folder, samples.plain(2)))
    assert (await failure(folder, replacing_result(folder, black))).technical == "look"


async def test_a_missing_program_is_a_fault_of_configuration(folder: Path) -> None:
    source, target = placed(folder, samples.plain())
    with pytest.raises(GhostscriptMissing) as missing:
        await convert_to_pdfa1b(source, target, limits=ConversionLimits(ghostscript="no-such-ghostscript"))
    assert missing.value.error_class is ErrorClass.CONFIGURATION
    assert "no-such-ghostscript" in missing.value.explanation.what
    assert names(folder) == ["in.pdf"]


async def test_a_folder_that_cannot_be_written_is_a_passing_fault(folder: Path) -> None:
    source, _ = placed(folder, samples.plain())
    with pytest.raises(ConversionInterrupted) as fault:
        await convert_to_pdfa1b(source, folder / "absent" / "out.pdf")
    assert fault.value.error_class is ErrorClass.TRANSIENT


async def test_the_converter_sees_neither_the_name_nor_the_surroundings(folder: Path) -> None:
    seen = folder.parent / "seen"
    limits = fake_ghostscript(folder, f'{{ echo "$0 $*"; env; pwd; ls -la; cat /proc/self/limits; ls /sys/class/net; }} > {seen}; exit 1')
    source = folder / "DUPONT Marie ordonnance.pdf"
    source.write_bytes(samples.plain())
    with pytest.raises(PdfaConversionFailed):
        await convert_to_pdfa1b(source, folder / "out.pdf", limits=limits)
    said = seen.read_text()
    assert "DUPONT" not in said
    assert "-dSAFER" in said
    assert "--permit-file-read=srgb.icc" in said
    assert "Max address space         512000000" in said
    assert set(re.findall(r"^([A-Z_]+)=", said, re.MULTILINE)) <= {"PATH", "TMPDIR", "HOME", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"}


async def test_the_work_folder_is_private(folder: Path) -> None:
    mode = folder.parent / "mode"
    limits = fake_ghostscript(folder, f"stat -c %a . > {mode}; exit 1")
    await failure(folder, limits)
    assert mode.read_text().strip() == "700"


async def test_no_network_where_the_kernel_allows_it(folder: Path) -> None:
    if not ghostscript._network_cut():
        pytest.skip("this kernel gives no network namespace")
    network = folder.parent / "network"
    await failure(folder, fake_ghostscript(folder, f"cat /proc/net/dev > {network}; exit 1"))
    interfaces = {line.split(":")[0].strip() for line in network.read_text().splitlines() if ":" in line}
    assert interfaces <= {"lo", "tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"}


async def test_postscript_hidden_in_the_file_reads_nothing_outside(folder: Path) -> None:
    secret = folder.parent / "secret.txt"
    secret.write_text("Le secret ne sort pas")
    hostile = b"%!PS\n(" + str(secret).encode() + b") (r) file 100 string readstring pop show showpage\n%PDF-1.4\n"
    source, target = placed(folder, hostile + samples.plain())
    try:
        await convert_to_pdfa1b(source, target)
    except (PdfaConversionFailed, PdfRefused):
        assert not target.exists()
    else:
        assert "secret" not in text_of(target)


async def test_the_loop_is_never_blocked(folder: Path, no_blocking: object) -> None:
    source, target = await asyncio.to_thread(placed, folder, samples.plain())
    report = await convert_to_pdfa1b(source, target, limits=ConversionLimits(pdf=PdfLimits(pages=3)))
    assert report.result.pages == 1


async def test_many_conversions_at_once_do_not_mix(folder: Path) -> None:
    async def one(number: int) -> bytes:
        source, target = folder / f"in{number}.pdf", folder / f"out{number}.pdf"
        source.write_bytes(samples.plain(1, text=f"Document numéro {number}"))
        await convert_to_pdfa1b(source, target)
        return target.read_bytes()

    results = await asyncio.gather(*(one(number) for number in range(4)))
    for number, data in enumerate(results):
        with pikepdf.open(io.BytesIO(data)) as pdf:
            assert len(pdf.pages) == 1
        assert f"numéro {number}" in text_of(folder / f"out{number}.pdf")


def test_postscript_before_the_header_is_not_run(folder: Path) -> None:
    intruder = b"%!PS\n/Helvetica findfont 40 scalefont setfont 72 700 moveto (INTRUDER) show showpage quit\n"
    source, target = placed(folder, intruder + samples.plain(text="Ordonnance"))
    asyncio.run(convert_to_pdfa1b(source, target))
    text = text_of(target)
    assert "Ordonnance" in text
    assert "INTRUDER" not in text
