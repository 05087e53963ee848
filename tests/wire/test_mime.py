"""Mails written here, read back by Python's own parser: headers, texts, attachments, to the byte."""

from __future__ import annotations

import random
import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.utils import parseaddr
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.mime import Attachment, BoundaryInvalid, FreeText, HeaderForbidden, HeaderValue, Named, encoded_length, write_message

BOUNDARY = "=_0123456789abcdef"
BASE: list[tuple[str, HeaderValue]] = [("From", Named("Cabinet", "a@b.test")), ("Message-ID", "<1@b.test>")]
printable = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=120)
french = st.text(st.sampled_from("abcdeéèàçœÉÈÇ' -^|&\"’=?_.,;:<>()/+\\"), max_size=160)


def parsed(mail: bytes) -> EmailMessage:
    return message_from_bytes(mail, policy=policy.SMTP)


def attachments_of(mail: bytes) -> list[tuple[str | None, str, bytes]]:
    """`get_filename` takes off quotes and brackets once more, those of the name itself: the parameter is read as it stands."""
    parts = list(parsed(mail).iter_attachments())
    return [
        (part["content-disposition"].params.get("filename"), part.get_content_type(), cast(bytes, part.get_payload(decode=True)))
        for part in parts
    ]


def attached(content: bytes, name: str = "a.pdf") -> Attachment:
    return Attachment(name=name, media_type="application/pdf", content=content)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 56, 57, 58, 57 * 1024 - 1, 57 * 1024, 57 * 1024 + 1, 300_001])
def test_attached_bytes_come_back(size: int) -> None:
    content = random.Random(size).randbytes(size)
    mail = write_message(BASE, "Bonjour", [attached(content), attached(content[::-1], "b.pdf")], boundary=BOUNDARY)
    assert attachments_of(mail) == [("a.pdf", "application/pdf", content), ("b.pdf", "application/pdf", content[::-1])]
    assert all(len(line) <= 76 for line in mail.split(b"\r\n"))


@pytest.mark.parametrize("size", [0, 1, 57, 58, 100_000, 57 * 2048])
def test_encoded_length_is_the_one_written(size: int) -> None:
    bare = len(write_message(BASE, "", [attached(b"")], boundary=BOUNDARY))
    assert len(write_message(BASE, "", [attached(bytes(size))], boundary=BOUNDARY)) - bare in (
        encoded_length(size),
        encoded_length(size) - 2,
    )


@given(st.one_of(printable, french))
def test_a_subject_comes_back(text: str) -> None:
    mail = write_message([*BASE, ("Subject", FreeText(text))], "", [], boundary=BOUNDARY)
    assert parsed(mail)["Subject"] == text
    assert mail.isascii()
    assert all(len(line) <= 78 for line in mail.split(b"\r\n"))


@given(st.one_of(printable, french))
def test_a_label_comes_back(text: str) -> None:
    mail = write_message([("From", Named(text, "service@cabinet.mssante.test"))], "", [], boundary=BOUNDARY)
    # the classic decoder: the modern one keeps the blank between two encoded words of a label, against RFC 2047
    label, address = parseaddr(message_from_bytes(mail)["From"])
    assert (str(make_header(decode_header(label))).strip(), address) == (text.strip(), "service@cabinet.mssante.test")


@pytest.mark.parametrize("text", ["Cabinet médical de l'Écluse", 'Dr "Zoé" D\'ARTIMON, été', "MSP des Tilleuls - secrétariat", "Île^|&"])
def test_a_usual_label_comes_back_from_every_reader(text: str) -> None:
    mail = write_message([("From", Named(text, "service@cabinet.mssante.test"))], "", [], boundary=BOUNDARY)
    (author,) = cast(AddressHeader, parsed(mail)["From"]).addresses
    assert (author.display_name, author.addr_spec) == (text, "service@cabinet.mssante.test")


@given(st.one_of(printable, french).filter(lambda text: text == text.strip() != ""))
def test_a_file_name_comes_back(text: str) -> None:
    mail = write_message(BASE, "", [attached(b"%PDF", text)], boundary=BOUNDARY)
    assert attachments_of(mail) == [(text, "application/pdf", b"%PDF")]
    assert all(len(line) <= 78 for line in mail.split(b"\r\n"))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=400))
def test_a_text_comes_back(text: str) -> None:
    mail = write_message(BASE, text, [attached(b"x")], boundary=BOUNDARY)
    body = parsed(mail).get_body(("plain",))
    assert body is not None
    assert body.get_content_charset() == "utf-8"
    assert cast(bytes, body.get_payload(decode=True)).decode("utf-8").replace("\r\n", "\n") == text.removesuffix("\n")
    assert mail.isascii()
    assert mail.count(b"\n") == mail.count(b"\r\n")
    assert all(len(line) <= 78 for line in mail.split(b"\r\n"))


def test_every_line_ends_in_crlf_and_the_same_input_gives_the_same_bytes() -> None:
    arguments = (BASE, "Été\n\n.\n--=_0123456789abcdef--\nfin", [attached(b"\n\r.\r\n" * 50)])
    mail = write_message(*arguments, boundary=BOUNDARY)
    assert mail == write_message(*arguments, boundary=BOUNDARY)
    assert mail.count(b"\n") == mail.count(b"\r") == mail.count(b"\r\n")
    assert mail.endswith(b"\r\n")
    assert len(attachments_of(mail)) == 1


@pytest.mark.parametrize("poison", ["a\r\nBcc: x@y.test", "a\nb", "a\rb", "a\x00b", "a\x7fb", "a\x85b", "\ud800"])
def test_a_value_never_opens_a_header(poison: str) -> None:
    values: list[tuple[str, HeaderValue]] = [
        ("Subject", FreeText(poison)),
        ("From", Named(poison, "a@b.test")),
        ("From", Named("x", f"{poison}@b.test")),
        ("X-MSS-NIL", poison),
        (poison, "x"),
    ]
    for header in values:
        with pytest.raises(HeaderForbidden) as caught:
            write_message([header], "", [], boundary=BOUNDARY)
        assert not re.search(r"Bcc|\ud800", caught.value.technical + str(caught.value.facts))
    with pytest.raises(HeaderForbidden):
        write_message(BASE, "", [attached(b"", poison)], boundary=BOUNDARY)


@pytest.mark.parametrize("value", ["é", "", " a", "a ", "a  b", "a" * 1200])
def test_a_plain_value_is_plain(value: str) -> None:
    with pytest.raises(HeaderForbidden):
        write_message([("X-MSS-NIL", value)], "", [], boundary=BOUNDARY)


@pytest.mark.parametrize("address", ["a@b.test>, <c@d.test", "a b@c.test", "", "é@b.test", "a@b.test,c@d.test"])
def test_an_address_is_one_address(address: str) -> None:
    with pytest.raises(HeaderForbidden):
        write_message([("To", Named("", address))], "", [], boundary=BOUNDARY)


@pytest.mark.parametrize("boundary", ["", "simple", "=_court", "=_" + "a" * 65, "=_0123456789abc\r\n"])
def test_a_boundary_cannot_be_in_a_part(boundary: str) -> None:
    with pytest.raises(BoundaryInvalid):
        write_message(BASE, "", [], boundary=boundary)


def test_a_media_type_is_checked() -> None:
    with pytest.raises(HeaderForbidden):
        write_message(BASE, "", [Attachment(name="a", media_type="text/plain\r\nX: y", content=b"")], boundary=BOUNDARY)
