"""The multipart body as hostile or clumsy clients write it: a typed 4xx each time, whatever the cut between chunks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.kernel.config import Limits
from tests.api.judge import check_answer, check_problem
from tests.api.rig import Box, open_box, request_part, small_pdf

ROUTE = "/documents"
EDGE = "limite"
MULTIPART = f"multipart/form-data; boundary={EDGE}"


def part(name: str, content: bytes, media: str = "application/json", *, filename: str = "") -> bytes:
    place = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return f"--{EDGE}\r\nContent-Disposition: {place}\r\nContent-Type: {media}\r\n\r\n".encode() + content + b"\r\n"


REQUEST = part("request", json.dumps(request_part()).encode())
FILE = part("file", small_pdf(), "application/pdf", filename="ordonnance.pdf")
END = f"--{EDGE}--\r\n".encode()


async def send(box: Box, body: bytes | AsyncIterator[bytes], media: str = MULTIPART, **headers: str) -> httpx.Response:
    async with box.client() as client:
        answer = await client.post(f"/api/v1{ROUTE}", content=body, headers={"Content-Type": media, **headers})
    check_answer(answer, ROUTE)
    return answer


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "body-malformed", None),
        (END, "part-missing", "request"),
        (REQUEST + END, "part-missing", "file"),
        (FILE + END, "part-missing", "request"),
        (REQUEST + FILE, "body-malformed", None),
        (REQUEST + FILE[:-400], "body-malformed", None),
        (REQUEST + REQUEST + FILE + END, "part-unexpected", "request"),
        (REQUEST + FILE + FILE + END, "part-unexpected", "file"),
        (REQUEST + FILE + part("autre", b"1") + END, "part-unexpected", None),
        (part("PAT-TROIS DOMINIQUE", b"1") + END, "part-unexpected", None),
        (part("", b"1") + END, "part-unexpected", None),
        (b"bonjour", "body-malformed", None),
        (b"\r\n" * 30 + b"{}", "body-malformed", None),
        (FILE.replace(b"\r\n", b"\n") + END, "body-malformed", None),
        (f"--{EDGE}\r\n\r\nsans nom\r\n".encode() + END, "body-malformed", None),
        (f"--{EDGE}\r\nContent-Disposition: attachment; name=file\r\n\r\nx\r\n".encode() + END, "body-malformed", None),
        (f"--{EDGE}\r\n".encode() + b"X: " + b"y" * 5000 + b"\r\n\r\nx\r\n" + END, "body-malformed", None),
        (f"--{EDGE}\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nx\r\n".encode("latin-1") + END, "body-malformed", None),
    ],
    ids=[
        "empty", "no part", "no file", "no request", "no end", "cut", "request twice", "file twice", "third part", "unknown part",
        "nameless part", "text", "blank lines", "bare line feeds", "headerless part", "attachment", "long header", "latin-1 name",
    ],
)  # fmt: skip
async def test_each_broken_form_has_its_problem(box: Box, body: bytes, code: str, field: str | None) -> None:
    answer = await send(box, body)
    check_problem(answer, 400, code, field)
    assert "PAT-TROIS" not in answer.text


@pytest.mark.parametrize(
    "media",
    [
        "application/json",
        "multipart/form-data",
        'multipart/form-data; boundary=""',
        "multipart/mixed; boundary=limite",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
        "multipart/form-data; boundary=\u00e9",
    ],
)
async def test_what_is_no_form_is_refused_as_such(box: Box, media: str) -> None:
    async with box.client() as client:
        headers = [(b"content-type", media.encode("latin-1"))]
        answer = await client.post(f"/api/v1{ROUTE}", content=REQUEST + FILE + END, headers=headers)
    check_answer(answer, ROUTE)
    check_problem(answer, 415, "content-type-refused", "Content-Type")


async def test_a_description_that_calls_itself_a_picture_is_refused(box: Box) -> None:
    body = part("request", json.dumps(request_part()).encode(), "image/png") + FILE + END
    check_problem(await send(box, body), 415, "content-type-refused", "request")


async def test_a_preamble_and_an_epilogue_are_no_parts(box: Box) -> None:
    assert (await send(box, b"preambule\r\n" + REQUEST + FILE + END + b"epilogue")).status_code == 202


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
async def test_the_cuts_between_chunks_do_not_matter(box: Box, size: int) -> None:
    answer = await send(box, in_pieces(REQUEST + FILE + END, size))
    assert answer.status_code == 202
    record = await box.store.document(answer.json()["id"])
    assert record is not None
    whole = await box.relay.admission._custody.payload(record, box.relay.admission._custody.admitted(record).original)
    assert whole == small_pdf()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, len(REQUEST + FILE + END) - 1), flip=st.integers(1, 255))
async def test_a_damaged_byte_is_accepted_or_refused_never_worse(box: Box, cut: int, flip: int) -> None:
    body = bytearray(REQUEST + FILE + END)
    body[cut] ^= flip
    answer = await send(box, bytes(body))
    assert answer.status_code in (200, 202, 400, 415, 422), answer.text


async def test_an_endless_body_without_length_is_stopped(tmp_path: Path) -> None:
    box = await open_box(tmp_path, limits=Limits(document_bytes=200_000, request_bytes=10_000, disk_reserve_bytes=0))
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield REQUEST + f'--{EDGE}\r\nContent-Disposition: form-data; name="file"\r\n\r\n'.encode()
        while sent < 50_000_000:
            sent += 10_000
            yield b"x" * 10_000

    check_problem(await send(box, endless()), 413, "body-too-large", "file")
    assert sent < 400_000


async def test_an_endless_preamble_is_stopped(tmp_path: Path) -> None:
    box = await open_box(tmp_path, limits=Limits(document_bytes=200_000, request_bytes=10_000, disk_reserve_bytes=0))
    check_problem(await send(box, in_pieces(b"-" * 3_000_000, 10_000)), 413, "body-too-large", "file")


async def test_an_announced_length_over_the_limit_is_not_read(tmp_path: Path) -> None:
    box = await open_box(tmp_path, limits=Limits(document_bytes=200_000, disk_reserve_bytes=0))
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 3_000_000:
            read += 10_000
            yield b"x" * 10_000

    answer = await send(box, body(), **{"Content-Length": "3000000"})
    check_problem(answer, 413, "body-too-large", "file")
    assert read == 0
