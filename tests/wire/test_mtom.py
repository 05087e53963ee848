"""The hand-made multipart writer, read back by Python's own email parser; and our reader."""

from __future__ import annotations

import email
import email.policy
import os
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.mtom import Multipart, MultipartUnreadable, Part, read_mtom, write_mtom

ACTION = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
TRICKY = [b"", b"\r\n", b"a\nb\rc\r\n", b"--relais\r\n", bytes(range(256)) * 40, b"\r\n\r\n--", "é\u2028".encode()]


def stranger(message: Multipart) -> EmailMessage:
    """The same message as the standard library sees it."""
    head = f"MIME-Version: 1.0\r\nContent-Type: {message.content_type}\r\n\r\n".encode()
    parsed = email.message_from_bytes(head + message.body, policy=email.policy.HTTP)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def raw_parts(message: Multipart) -> list[bytes]:
    """Bytes between delimiters, cut by hand with the boundary that the email parser found."""
    boundary = str(stranger(message).get_boundary()).encode()
    pieces = (b"\r\n" + message.body).split(b"\r\n--" + boundary)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    return [piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:-1]]


def write(*data: bytes) -> Multipart:
    parts = [Part(content_id=f"p{n}@relais", content_type="text/xml", data=one) for n, one in enumerate(data)]
    return write_mtom(b"<Envelope/>", parts, action=ACTION, seed="2.25.1")


@pytest.mark.parametrize("data", TRICKY)
def test_parts_come_back_as_they_went(data: bytes) -> None:
    message = write(data, b"<Signature/>")
    assert raw_parts(message) == [b"<Envelope/>", data, b"<Signature/>"]
    assert [part.data for part in read_mtom(message.content_type, message.body)] == [b"<Envelope/>", data, b"<Signature/>"]


@given(st.lists(st.binary(max_size=400), max_size=4))
def test_any_bytes_come_back(data: list[bytes]) -> None:
    message = write(*data)
    assert raw_parts(message) == [b"<Envelope/>", *data]
    assert [part.data for part in read_mtom(message.content_type, message.body)][1:] == data


def test_email_parser_gives_the_same_bytes_for_a_text_part() -> None:
    data = "<ClinicalDocument>é\r\nà</ClinicalDocument>".encode() * 2000
    _, document = stranger(write(data)).iter_parts()
    assert document.get_payload(decode=True) == data
    assert document["Content-ID"] == "<p0@relais>"


def test_headers_are_those_of_the_dossier() -> None:
    parsed = stranger(write(b"x"))
    assert parsed.get_content_type() == "multipart/related"
    assert parsed.get_param("type") == "application/xop+xml"
    assert parsed.get_param("start-info") == "application/soap+xml"
    assert parsed.get_param("action") == ACTION
    root = next(parsed.iter_parts())
    assert parsed.get_param("start") == root["Content-ID"]
    assert root["Content-Type"] == 'application/xop+xml; charset="UTF-8"; type="application/soap+xml"'
    assert {part["Content-Transfer-Encoding"] for part in parsed.iter_parts()} == {"binary"}


def test_dmp34_every_delimiter_ends_in_crlf() -> None:
    body = write(b"<a/>").body
    assert body.count(b"\n") == body.count(b"\r\n")
    assert b"\r\r" not in body


def test_same_seed_gives_the_same_bytes_and_a_boundary_inside_a_part_is_avoided() -> None:
    first = write(b"<a/>")
    assert write(b"<a/>") == first
    boundary = str(stranger(first).get_boundary()).encode()
    second = write(b"--" + boundary)
    assert raw_parts(second)[1] == b"--" + boundary


def test_answer_with_lf_and_folded_headers_is_read() -> None:
    body = b"preamble\n--b\nContent-Type: text/xml\nContent-ID:\n <two>\n\n<b/>\n--b\nContent-ID: <one>\n\n<a/>\n--b--"
    parts = read_mtom('multipart/related; boundary=b; start="<one>"', body)
    assert [(part.content_id, part.data) for part in parts] == [("one", b"<a/>"), ("two", b"<b/>")]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/xml", b"--b\r\n\r\nx\r\n--b--"),
        ("multipart/related", b"--b\r\n\r\nx\r\n--b--"),
        ("multipart/related; boundary=b", b""),
        ("multipart/related; boundary=b", b"--b\r\n\r\nx\r\n"),
        ("multipart/related; boundary=b", b"--b--"),
        ("multipart/related; boundary=b", b"--b\r\nno blank line\r\n--b--"),
        ("multipart/related; boundary=b", b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--"),
    ],
)
def test_broken_multipart_is_unreadable(content_type: str, body: bytes) -> None:
    with pytest.raises(MultipartUnreadable):
        read_mtom(content_type, body)


@given(st.binary(max_size=300), st.text(max_size=60))
def test_garbage_never_raises_anything_else(body: bytes, content_type: str) -> None:
    try:
        parts = read_mtom("multipart/related; boundary=b" + content_type, b"--b" + body)
    except MultipartUnreadable:
        return
    assert parts
    assert all(part.data in body for part in parts)


def test_large_part_is_not_scanned_slowly() -> None:
    data = os.urandom(2_000_000)
    message = write(data)
    assert read_mtom(message.content_type, message.body)[1].data == data
