"""Judged by xmlsec1: it digests a same-document reference with its own canonicalisation, and by xmllint for whole documents."""

from __future__ import annotations

import base64
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lxml import etree

from gateway.xml import c14n
from gateway.xml.errors import XmlMalformed
from gateway.xml.parse import parse
from tests.tools import need_tool

SIGNATURE = """<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"/>
<ds:Reference URI="#here"><ds:Transforms><ds:Transform Algorithm="{algorithm}">{prefixes}</ds:Transform></ds:Transforms>
<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>
</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"""
PREFIXES = '<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="q #default"/>'

SUBTREES = {
    "no-default-namespace": '<a xmlns:p="urn:v" xmlns:q="urn:w"><p:c Id="here">t<q:d/><e/></p:c>{s}</a>',
    "default-inherited": '<a xmlns="urn:u" xmlns:p="urn:v"><b Id="here"><p:c/>é&amp;\t</b>{s}</a>',
    "default-undeclared-above": (
        '<a xmlns="urn:u" xmlns:q="urn:w"><x xmlns=""><b Id="here"><q:d/><c xmlns="urn:z"><e xmlns=""/></c></b></x>{s}</a>'
    ),
    "default-inherited-but-unused": '<a xmlns="urn:u" xmlns:p="urn:v" xmlns:q="urn:w"><p:b Id="here"><p:c q:x="1" y="2"/></p:b>{s}</a>',
    "xml-attributes": (
        '<a xml:lang="fr" xml:space="preserve"><x xml:lang="en"><b Id="here" xmlns:q="urn:w"> <c xml:lang="de"/></b></x>{s}</a>'
    ),
    "comments-and-instructions": '<a xmlns:q="urn:w"><b Id="here"><!-- one --><?pi two?><q:c/></b>{s}</a>',
    "redeclared": '<q:a xmlns:q="urn:1"><q:b Id="here" xmlns:q="urn:2"><q:c xmlns:q="urn:1"/></q:b>{s}</q:a>',
}


def digest_by_xmlsec1(document: str, algorithm: str, prefixes: str, folder: Path) -> str:
    key = folder / "hmac.key"
    key.write_bytes(b"0123456789abcdef0123456789abcdef")
    source = folder / "template.xml"
    source.write_text(document.format(s=SIGNATURE.format(algorithm=algorithm, prefixes=prefixes)), encoding="utf-8")
    names = sorted({str(etree.QName(e).localname) for e in parse(source.read_bytes()).iter("*") if e.get("Id")})
    done = subprocess.run(
        [need_tool("xmlsec1"), "--sign", "--hmackey", str(key), "--output", str(folder / "signed.xml")]
        + [part for name in names for part in ("--id-attr:Id", name)]
        + [str(source)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return parse((folder / "signed.xml").read_bytes()).findtext(".//{http://www.w3.org/2000/09/xmldsig#}DigestValue") or ""


def apex(document: str) -> etree._Element:
    root = parse(document.format(s="").encode())
    return next(e for e in root.iter("*") if e.get("Id") == "here")


@pytest.mark.parametrize("name", SUBTREES)
def test_inclusive_form_of_a_subtree_is_what_xmlsec1_digests(name: str, tmp_path: Path) -> None:
    document = SUBTREES[name]
    for algorithm, comments in ((c14n.INCLUSIVE, False), (c14n.INCLUSIVE_WITH_COMMENTS, True)):
        ours = c14n.digest(c14n.inclusive(apex(document), with_comments=comments))
        # a "#id" reference drops comments before the transform, whatever the transform (XML-DSig 4.3.3.3)
        if comments and "<!--" in document:
            continue
        assert ours == digest_by_xmlsec1(document, algorithm, "", tmp_path)


@pytest.mark.parametrize("name", SUBTREES)
@pytest.mark.parametrize("listed", [False, True], ids=["plain", "prefix-list"])
def test_exclusive_form_of_a_subtree_is_what_xmlsec1_digests(name: str, listed: bool, tmp_path: Path) -> None:
    document = SUBTREES[name]
    ours = c14n.digest(c14n.exclusive(apex(document), ("q", "#default") if listed else ()))
    assert ours == digest_by_xmlsec1(document, c14n.EXCLUSIVE, PREFIXES if listed else "", tmp_path)


@pytest.mark.parametrize("name", SUBTREES)
def test_the_default_namespace_in_the_list_does_not_depend_on_what_was_parsed_before(name: str, tmp_path: Path) -> None:
    document = SUBTREES[name]
    expected = digest_by_xmlsec1(document, c14n.EXCLUSIVE, PREFIXES, tmp_path)
    here = apex(document)
    # a new thread has a dictionary of its own, which has seen nothing: neither there nor with an element from elsewhere may it matter
    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(lambda: c14n.digest(c14n.exclusive(apex(document), ("q", "#default")))).result() == expected
    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(lambda: c14n.digest(c14n.exclusive(here, ("q", "#default")))).result() == expected


def test_the_default_namespace_of_a_whole_document_is_kept() -> None:
    data = b'<!-- before --><p:a xmlns="urn:u" xmlns:p="urn:v"><p:b/></p:a>'
    expected = b'<!-- before -->\n<p:a xmlns="urn:u" xmlns:p="urn:v"><p:b></p:b></p:a>'
    with ThreadPoolExecutor(1) as fresh:
        form = fresh.submit(lambda: c14n.exclusive(parse(data).getroottree(), ("#default",), with_comments=True)).result()
        root = fresh.submit(lambda: c14n.exclusive(parse(data), ("#default",), with_comments=True)).result()
    assert form == expected
    assert root == expected.removeprefix(b"<!-- before -->\n")


DOCUMENT = (
    b'<?xml version="1.0" encoding="ISO-8859-1"?>\r\n<!-- before --><?pi  x y?>\n'
    b'<a z="1" b=\'"\' xmlns:n="urn:n" n:c="&#10;&lt;">\r\n<!-- in --><b></b><c/>\xe9&#13;]]&gt;<![CDATA[<x>]]></a>\n<!-- after -->'
)


def test_a_whole_document_is_what_xmllint_says(tmp_path: Path) -> None:
    source = tmp_path / "whole.xml"
    source.write_bytes(DOCUMENT)
    done = subprocess.run([need_tool("xmllint"), "--c14n", str(source)], capture_output=True, check=True)
    ours = c14n.inclusive(parse(DOCUMENT).getroottree())
    assert ours == done.stdout
    assert b"&#xD;" in ours
    without = c14n.inclusive(parse(DOCUMENT).getroottree(), with_comments=False)
    assert without == ours.replace(b"<!-- before -->\n", b"").replace(b"<!-- in -->", b"").replace(b"\n<!-- after -->", b"")


def test_an_element_leaves_out_what_surrounds_it() -> None:
    root = parse(DOCUMENT)
    assert c14n.inclusive(root).startswith(b"<a ")
    assert c14n.inclusive(root.getroottree()).startswith(b"<!-- before -->")


def test_the_tail_is_not_part_of_an_element() -> None:
    assert c14n.inclusive(parse(b"<a><b/>tail</a>")[0]) == b"<b></b>"
    assert c14n.exclusive(parse(b"<a><b/>tail</a>")[0]) == b"<b></b>"


def test_canonical_is_stable() -> None:
    once = c14n.inclusive(parse(DOCUMENT).getroottree())
    assert c14n.inclusive(parse(once).getroottree()) == once


def test_relative_namespaces_have_no_canonical_form() -> None:
    with pytest.raises(XmlMalformed):
        c14n.inclusive(parse(b'<a xmlns="relative"/>'))


def test_digests_are_base64_of_the_octets() -> None:
    assert base64.b64decode(c14n.digest(b"abc", "sha1")).hex() == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert base64.b64decode(c14n.digest(b"abc")).hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(base64.b64decode(c14n.digest(b"abc", "sha512"))) == 64
