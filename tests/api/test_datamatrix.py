"""The INS datamatrix over the API: given in the form asked for, read by another decoder, and what a scanner sent read back (insi.md 5)."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import httpx
import pytest

from gateway.ins.datamatrix import GS
from tests.api.judge import check_problem
from tests.api.practice import PATIENT_WORDS, ZOE, act, ask, put, qualified, search
from tests.api.rig import Box
from tests.tools import need_tool

ROUTE = "/patients/{local_id}/datamatrix"
FORMS = {
    "json": ("application/json", "application/json"),
    "txt": ("text/plain", "text/plain; charset=utf-8"),
    "svg": ("image/svg+xml", "image/svg+xml"),
    "png": ("image/png", "image/png"),
}


async def drawn(box: Box, query: str = "", accept: str | None = None) -> httpx.Response:
    return await ask(box, "GET", f"/patients/P-1/datamatrix{query}", route=ROUTE, headers={"Accept": accept} if accept else None)


@pytest.mark.parametrize("form", FORMS)
async def test_each_form_comes_by_parameter_or_by_header_under_its_media_type(practice: Box, form: str) -> None:
    await qualified(practice)
    wanted, media = FORMS[form]
    by_parameter, by_header = await drawn(practice, f"?format={form}", "image/png"), await drawn(practice, accept=wanted)
    assert by_parameter.headers["content-type"] == by_header.headers["content-type"] == media
    assert by_parameter.content == by_header.content
    assert by_parameter.headers["cache-control"] == "no-store"
    assert by_parameter.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("*/*", "json"),
        ("text/html", "json"),
        ("application/json, text/plain, */*", "json"),
        ("text/plain, application/json", "txt"),
        ("text/plain;q=0.5, image/png", "png"),
        ("image/png;q=0, image/svg+xml;q=0.1", "svg"),
        ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "png"),
        ("IMAGE/PNG", "png"),
        ("image/png;q=inf", "png"),
        (";;,,/", "json"),
    ],
)
async def test_the_header_is_read_as_clients_write_it(practice: Box, accept: str | None, form: str) -> None:
    await qualified(practice)
    assert (await drawn(practice, accept=accept)).headers["content-type"] == FORMS[form][1]


async def test_what_to_print_is_told_line_by_line(practice: Box) -> None:
    await qualified(practice)
    view = (await drawn(practice)).json()
    assert view["text"] == (await drawn(practice, "?format=txt")).text
    assert view["text"].startswith("IS010000000000000000000000S1275126322074974S2")
    assert GS in view["text"]
    assert view["mention"] == "INS à scanner"
    assert view["lines"][-1] == {"label": "Matricule INS (NIR)", "value": "275126322074974"}


def decoded(picture: Path) -> bytes:
    """What dmtxread of Debian reads of a picture."""
    return subprocess.run([need_tool("dmtxread"), "-N1", "-q10", picture], capture_output=True, check=True).stdout


@pytest.mark.conformity
async def test_another_decoder_reads_in_the_picture_what_the_text_says(practice: Box, tmp_path: Path) -> None:
    picture = tmp_path / "symbol.png"
    await qualified(practice)
    picture.write_bytes((await drawn(practice, "?format=png")).content)
    assert decoded(picture) == (await drawn(practice, "?format=txt")).content


@pytest.mark.conformity
async def test_the_drawing_printed_by_a_browser_is_read_too(practice: Box, tmp_path: Path) -> None:
    await qualified(practice)
    drawing, picture = tmp_path / "symbol.svg", tmp_path / "symbol.png"
    answer = await drawn(practice, "?format=svg")
    drawing.write_bytes(answer.content)
    assert ET.fromstring(answer.content).tag == "{http://www.w3.org/2000/svg}svg"
    assert [word for word in PATIENT_WORDS if word in answer.text.lower()] == []
    photographed(drawing, picture)
    assert decoded(picture) == (await drawn(practice, "?format=txt")).content


def photographed(drawing: Path, picture: Path) -> None:
    """What chromium shows of a drawing, four pixels for one."""
    command = [need_tool("chromium"), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={picture.parent / 'profile'}"]
    shown = ["--hide-scrollbars", "--force-device-scale-factor=4", "--window-size=300,300", f"--screenshot={picture}", drawing.as_uri()]
    subprocess.run([*command, *shown], capture_output=True, check=True, timeout=50, cwd=picture.parent)


async def test_a27_no_symbol_for_less_than_a_qualified_identity(practice: Box) -> None:
    await put(practice)
    check_problem(await drawn(practice, "?format=png"), 409, "datamatrix-not-qualified")
    await search(practice, {"local_id": "P-1"})
    for form in FORMS:
        check_problem(await drawn(practice, f"?format={form}"), 409, "datamatrix-not-qualified")
    await act(practice, "qualification", {"evidence": "PA"})
    assert (await drawn(practice)).status_code == 200
    await act(practice, "attributes", {"attributes": ["douteuse"]})
    check_problem(await drawn(practice), 409, "datamatrix-not-qualified")


@pytest.mark.parametrize(("sent", "repaired"), [(GS, False), ("<GS>", True), ("{GS}", True)])
async def test_what_a_scanner_sends_is_read_and_stored_nowhere(practice: Box, sent: str, repaired: bool) -> None:
    await qualified(practice)
    text = (await drawn(practice, "?format=txt")).text
    lines = len(await practice.store.audit_after(0, 1000))
    view = (await ask(practice, "POST", "/ins/datamatrix", {"scan": text.replace(GS, sent)})).json()
    assert view["ins"] == {"matricule": "275126322074974", "oid": "1.2.250.1.213.1.4.8", "nature": "NIR"}
    assert (view["traits"]["birth_family_name"], view["traits"]["birth_given_names"]) == ("ADRUN", "ZOE")
    assert (view["traits"]["birth_date"], view["traits"]["birth_place"]) == (ZOE["birth_date"], ZOE["birth_place"])
    assert (view["repaired"], view["verified"]) == (repaired, False)
    assert len(await practice.store.audit_after(0, 1000)) == lines


async def test_what_cannot_be_read_is_refused_without_repeating_it(practice: Box) -> None:
    await qualified(practice)
    text = (await drawn(practice, "?format=txt")).text
    wrong_key = text.replace("275126322074974", "275126322074975")
    for scan, code, field in (
        ("https://relais.test/adrun", "scan-unreadable", "scan"),
        (text[:40], "scan-incomplete", "scan"),
        (wrong_key, "ins-key-invalid", "scan.ins.matricule"),
        ("", "request-invalid", "scan"),
        ("x" * 2001, "request-invalid", "scan"),
    ):
        answer = await ask(practice, "POST", "/ins/datamatrix", {"scan": scan})
        check_problem(answer, 422, code, field)
        assert [word for word in PATIENT_WORDS if word in answer.text.lower()] == []
