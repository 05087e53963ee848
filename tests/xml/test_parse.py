from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from gateway.xml.errors import XmlForbidden, XmlMalformed, XmlTooLarge
from gateway.xml.parse import MAX_DEPTH, MAX_MARKUP, MAX_NAMESPACES, MAX_ON_ONE, parse, parse_large

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + b"".join(b'<!ENTITY lol%d "%s">' % (n, b"&lol%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><lolz>&lol9;</lolz>"
)


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<?xml version="1.0"?>\n<!-- x --><?pi y?>\n<!DOCTYPE a [<!ENTITY x SYSTEM "http://attacker.test/">]><a>&x;</a>',
        b"\xef\xbb\xbf<!DOCTYPE a><a/>",
        b"<!-- a > b --><!DOCTYPE a><a/>",
        b"<!ELEMENT a ANY><a/>",
    ],
    ids=["bomb", "bare", "external", "after-comment-and-pi", "after-bom", "after-gt", "not-a-doctype"],
)
def test_doctype_is_refused_before_parsing(data: bytes) -> None:
    with pytest.raises(XmlForbidden) as refusal:
        parse(data)
    assert refusal.value.code == "xml-doctype-forbidden"
    assert "DOCTYPE" in refusal.value.explanation.what


def test_the_word_doctype_in_a_text_or_comment_is_no_declaration() -> None:
    assert parse(b"<!-- <!DOCTYPE a> --><a>&lt;!DOCTYPE b&gt;<!-- <!DOCTYPE c> --></a>").text == "<!DOCTYPE b>"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"\x00",
        b"not xml",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&undefined;</a>",
        b"<a>&#0;</a>",
        b"<a x='1' x='2'/>",
        b"<a><!DOCTYPE b></a>",
        b"<!-- never closed",
        b"<? never closed",
        b"<p:a/>",
        b'<?xml version="1.1"?><a/>',
        b'<?xml version="1.0" encoding="utf-8"?><a>\xe9</a>',
    ],
)
def test_malformed_is_refused_without_a_word_of_the_document(data: bytes) -> None:
    with pytest.raises(XmlMalformed) as refusal:
        parse(data)
    assert refusal.value.code == "xml-malformed"
    assert "undefined" not in str(refusal.value)
    assert "never" not in str(refusal.value)


@pytest.mark.parametrize(
    "data",
    [
        '<?xml version="1.0" encoding="utf-16"?><a>é</a>'.encode("utf-16"),
        "<a>é</a>".encode("utf-16-le"),
        b'<?xml version="1.0" encoding="UTF-7"?><a>+AGE-</a>',
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
        b'<?xml version="1.0" encoding="cp037"?><a/>',
        b'\xef\xbb\xbf<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>',
    ],
    ids=["utf-16", "utf-16-no-bom", "utf-7", "utf-16-declared-only", "ebcdic", "bom-and-latin-1"],
)
def test_encodings_that_hide_ascii_are_refused(data: bytes) -> None:
    with pytest.raises(XmlMalformed):
        parse(data)


@pytest.mark.parametrize("encoding", ["utf-8", "ISO-8859-1", "iso-8859-15", "windows-1252"])
def test_ascii_based_encodings_are_read(encoding: str) -> None:
    assert parse(f'<?xml version="1.0" encoding="{encoding}"?><a>né à Épinal</a>'.encode(encoding)).text == "né à Épinal"


def test_a_byte_order_mark_is_accepted() -> None:
    assert parse(b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?><a>\xc3\xa9</a>').text == "é"


def test_comments_and_instructions_are_kept() -> None:
    root = parse(b"<?before x?><!-- one --><a><!-- two --></a><!-- three -->")
    previous = root.getprevious()
    assert previous is not None
    assert previous.text == " one "
    assert root[0].text == " two "


def test_line_ends_are_read_as_xml_says() -> None:
    assert parse(b"<a>one\r\ntwo\rthree&#13;four</a>").text == "one\ntwo\nthree\rfour"


def test_size_is_capped() -> None:
    with pytest.raises(XmlTooLarge) as refusal:
        parse(b"<a>" + b"x" * 100 + b"</a>", max_bytes=50)
    assert refusal.value.status == 413
    assert "taille" in refusal.value.explanation.what


def test_depth_is_capped_in_both_modes() -> None:
    def nested(levels: int) -> bytes:
        return b"<a>" * levels + b"</a>" * levels

    assert parse(nested(MAX_DEPTH - 1)) is not None
    assert parse_large(nested(MAX_DEPTH), max_bytes=10_000) is not None
    for levels in (MAX_DEPTH + 1, 2000, 100_000):
        with pytest.raises(XmlMalformed):
            parse(nested(levels))
        with pytest.raises(XmlMalformed):
            parse_large(nested(levels), max_bytes=10_000_000)


def test_number_of_elements_and_attributes_is_capped() -> None:
    with pytest.raises(XmlTooLarge, match="markup"):
        parse(b"<a>" + b"<b/>" * MAX_MARKUP + b"</a>")
    with pytest.raises(XmlTooLarge, match="attributes"):
        parse(b"<a " + b" ".join(b'a%d=""' % n for n in range(400_001)) + b"/>")


def test_a_huge_text_needs_parse_large() -> None:
    data = b"<a>" + b"x" * 10_500_000 + b"</a>"
    with pytest.raises(XmlTooLarge):
        parse(data, max_bytes=20_000_000)
    assert len(parse_large(data, max_bytes=20_000_000).text or "") == 10_500_000
    with pytest.raises(XmlTooLarge):
        parse_large(data, max_bytes=10_000_000)


def test_no_file_is_read_by_inclusion_or_style_sheet() -> None:
    root = parse(
        b'<?xml-stylesheet href="file:///etc/passwd"?>'
        b'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/hostname" parse="text"/></a>'
    )
    assert root.xpath("string()") == ""
    assert len(root) == 1


def crowded(attributes: int, namespaces: int) -> bytes:
    told = [f'b{rank}=""' for rank in range(attributes)] + [f'xmlns:n{rank}="urn:n{rank}"' for rank in range(namespaces)]
    return f"<a><b {' '.join(told)}><c/></b></a>".encode()


@pytest.mark.parametrize("read", [parse, partial(parse_large, max_bytes=1_000_000)])
def test_what_one_element_carries_is_capped_since_canonical_forms_take_its_square(read: Callable[[bytes], object]) -> None:
    read(crowded(MAX_ON_ONE, MAX_NAMESPACES))
    for many in (crowded(MAX_ON_ONE + 1, 0), crowded(0, MAX_NAMESPACES + 1)):
        with pytest.raises(XmlTooLarge):
            read(many)


def test_names_declared_again_and_again_are_not_many_at_once() -> None:
    assert len(parse(b"<a>" + b'<b xmlns:x="urn:x"/>' * (3 * MAX_NAMESPACES) + b"</a>")) == 3 * MAX_NAMESPACES
