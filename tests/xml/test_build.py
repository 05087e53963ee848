from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.xml.build import Vocabulary, clean_text, element
from gateway.xml.c14n import inclusive
from gateway.xml.errors import XmlMalformed, XmlTextInvalid
from gateway.xml.parse import parse

V = Vocabulary("urn:hl7-org:v3")
S = Vocabulary("urn:test:s", "s", {"x": "urn:test:x"})


def test_a_vocabulary_reads_like_the_document() -> None:
    made = V("id", None, "text", [V("a"), V("b", root="1.2", extension=None)], "tail", {"{urn:test:x}type": "T"}, code="C")
    assert inclusive(made) == (
        b'<id xmlns="urn:hl7-org:v3" xmlns:ns0="urn:test:x" code="C" ns0:type="T">text<a></a><b root="1.2"></b>tail</id>'
    )


def test_prefixes_are_declared_once() -> None:
    assert inclusive(S("a", S("b", S("c")))) == b'<s:a xmlns:s="urn:test:s" xmlns:x="urn:test:x"><s:b><s:c></s:c></s:b></s:a>'


def test_markup_in_values_stays_text() -> None:
    made = V("a", "<b>&amp;]]>", value="\"<&>'")
    again = parse(inclusive(made))
    assert again.text == "<b>&amp;]]>"
    assert again.get("value") == "\"<&>'"
    assert len(again) == 0


@pytest.mark.parametrize("text", ["a\x00", "a\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_characters_that_xml_cannot_carry_are_refused(text: str) -> None:
    with pytest.raises(XmlTextInvalid) as refusal:
        clean_text(text, field="document.title")
    assert refusal.value.field == "document.title"
    with pytest.raises(XmlTextInvalid):
        V("a", text)
    with pytest.raises(XmlTextInvalid):
        V("a", value=text)


def test_carriage_returns_never_enter() -> None:
    assert inclusive(V("a", "one\r\ntwo\rthree")) == b'<a xmlns="urn:hl7-org:v3">one\ntwo\nthree</a>'


def test_a_child_without_namespace_cannot_slip_into_the_default_one() -> None:
    with pytest.raises(XmlMalformed):
        V("a", element("b"))
    assert len(S("a", element("b"))) == 1


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_whatever_is_accepted_comes_back(text: str) -> None:
    try:
        made = V("a", text, value=text)
    except XmlTextInvalid:
        assert any(ord(c) < 32 or ord(c) in (0xFFFE, 0xFFFF) for c in text)
        return
    again = parse(inclusive(made))
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert (again.text or "") == expected
    assert again.get("value") == expected
