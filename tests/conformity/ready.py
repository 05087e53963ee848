"""Ready CDAs as other software writes them: the same N1 in every dress that XML allows, and the official structured samples."""

from __future__ import annotations

import io
import re

import msgspec
from lxml import etree
from PIL import Image

from gateway.cda.build import build_n1
from gateway.model.patient import Ins, matricule_key
from gateway.model.people import Organization, Person
from tests.cda.headers import HEADER, RICH, SUBJECT
from tests.conformity.people import PORT, TEST_AUTHORITY
from tests.shared import need

STRUCTURED = (
    "AVC-SUNV_2022.01.xml",
    "DLU-EHPAD-FLUDT_2022.01.xml",
    "LDL-EES_2022.01.xml",
    "LDL-SES_2022.01.xml",
    "OBP-SCM_2024.01.xml",
    "VAC-NOTE_2023.01.xml",
    "VSM_1.4_2022.01.xml",
    "eP-MED-DM_2022.01_PosoNonStruct.xml",
)
"""Official N3 samples that the own rules find right and that a cabinet may send."""
_NUMBER = "2790351215190"
READY_INS = Ins.checked(_NUMBER + matricule_key(_NUMBER), TEST_AUTHORITY)
_HL7 = "urn:hl7-org:v3"


def official_samples() -> dict[str, bytes]:
    """The samples by name, each kept by the structure of its author, as a cabinet keeps its own documents; else bytes untouched."""
    return {name: _kept_by_its_author(need("data", "cda", "samples", name).read_bytes()) for name in STRUCTURED}


def _kept_by_its_author(cda: bytes) -> bytes:
    root = etree.fromstring(cda)
    written_by = root.find(".//{*}assignedAuthor/{*}representedOrganization/{*}id")
    kept_by = root.find("{*}custodian/{*}assignedCustodian/{*}representedCustodianOrganization/{*}id")
    assert written_by is not None
    assert kept_by is not None
    head, mark, tail = cda.partition(b"<custodian")
    return head + mark + tail.replace(kept_by.get("extension", "").encode(), written_by.get("extension", "").encode(), 1)


def sample_patients() -> list[dict[str, str]]:
    """INS (root, extension) of the samples' patients, as the sandbox must know them."""
    found = set()
    for data in official_samples().values():
        target = etree.fromstring(data).find(f"{{{_HL7}}}recordTarget/{{{_HL7}}}patientRole/{{{_HL7}}}id")
        assert target is not None
        found.add((target.get("root", ""), target.get("extension", "")))
    return [{"oid": root, "matricule": extension} for root, extension in sorted(found)]


def other_bodies() -> dict[str, bytes]:
    """N1 documents whose body is no PDF."""
    picture = io.BytesIO()
    Image.new("L", (40, 30), 200).save(picture, "JPEG")
    bodies = {"text/plain": "Été : à jeun\r\nmatin".encode(), "text/rtf": b"{\\rtf1 Ordonnance}", "image/jpeg": picture.getvalue()}
    return {media: _plain(rank, body, media=media) for rank, (media, body) in enumerate(bodies.items(), start=40)}


def dressed(pdf: bytes) -> dict[str, bytes]:
    """One N1 in several dresses, each a document of its own."""
    dresses = (_as_written, _indented, _latin, _commented, _wrapped, _prefixed, _marked, _rich, _in_style_sheet)
    return {dress.__name__.strip("_"): dress(rank, pdf) for rank, dress in enumerate(dresses)}


def _plain(rank: int, body: bytes, *, rich: bool = False, media: str = "application/pdf") -> bytes:
    doctor = Person(id="899700366240", family="MOREL", given="Camille", title="DR")
    cabinet = Organization(id=PORT.id, name=PORT.name)
    header = RICH if rich else HEADER
    authors = tuple(
        msgspec.structs.replace(one, organization=cabinet, person=doctor if at == 0 else one.person)
        for at, one in enumerate(header.authors)
    )
    header = msgspec.structs.replace(
        header,
        unique_id=f"2.25.3100000000000000000000000000000000{rank:02d}",
        set_id=f"2.25.3200000000000000000000000000000000{rank:02d}",
        title=f"Certificat d'été n° {rank} — « Ça & là »",
        subject=msgspec.structs.replace(SUBJECT, ins=READY_INS),
        authors=authors,
        custodian=cabinet,
        legal_authenticator=doctor,
        performer=doctor,
        performer_organization=cabinet,
        replaces=None,
        version=1,
        body_media_type=media,
    )
    return build_n1(header, body, media)


def _as_written(rank: int, pdf: bytes) -> bytes:
    return _plain(rank, pdf)


def _rich(rank: int, pdf: bytes) -> bytes:
    return _plain(rank, pdf, rich=True)


def _indented(rank: int, pdf: bytes) -> bytes:
    """Indented, with CRLF at the end of each line."""
    root = etree.fromstring(_plain(rank, pdf), etree.XMLParser(huge_tree=True, remove_blank_text=True))
    indented: bytes = etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8")
    return indented.replace(b"\n", b"\r\n")


def _latin(rank: int, pdf: bytes) -> bytes:
    latin = etree.tostring(etree.fromstring(_plain(rank, pdf)), xml_declaration=True, encoding="ISO-8859-15")
    assert isinstance(latin, bytes)
    return latin


def _commented(rank: int, pdf: bytes) -> bytes:
    """Comments and a style sheet instruction around and inside the document."""
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n<?xml-stylesheet type="text/xsl" href="cda.xsl"?>\n<!-- export -->\n'
    inside = _without_declaration(_plain(rank, pdf)).replace(b"<recordTarget>", b"<!-- patient : \xc3\xa9 --><recordTarget>", 1)
    return head + inside + b"\n<!-- fin -->\n"


def _wrapped(rank: int, pdf: bytes) -> bytes:
    """Base64 in lines of 76, tabs and final spaces included."""

    def lines(found: re.Match[bytes]) -> bytes:
        text = found.group(2)
        return found.group(1) + b"\n\t" + b" \n\t".join(text[at : at + 76] for at in range(0, len(text), 76)) + b"\n" + found.group(3)

    made, count = re.subn(rb"(<text [^>]*>)([A-Za-z0-9+/=]+)(</text>)", lines, _plain(rank, pdf))
    assert count == 1
    return made


def _prefixed(rank: int, pdf: bytes) -> bytes:
    """Every element under a prefix, attributes in single quotes, an unused namespace on the root."""
    text = _without_declaration(_plain(rank, pdf)).decode()
    text = re.sub(r"<(/?)(?=[A-Za-z])", r"<\1cda:", text).replace('xmlns="', 'xmlns:unused="urn:x-unused" xmlns:cda="', 1)
    return text.encode()


def _marked(rank: int, pdf: bytes) -> bytes:
    """A byte order mark, and CDATA instead of an escaped title."""
    text = _without_declaration(_plain(rank, pdf)).decode()
    text = re.sub(r"<title>([^<]*)</title>", lambda found: f"<title><![CDATA[{found.group(1).replace('&amp;', '&')}]]></title>", text)
    return "\ufeff".encode() + text.encode()


def _in_style_sheet(rank: int, pdf: bytes) -> bytes:
    """Self-presentable: the document inside the style sheet that shows it."""
    head = b'<?xml version="1.0" encoding="UTF-8"?><?xml-stylesheet type="text/xsl" href="#"?>'
    sheet = b'<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:data="urn:asip-sante:ci-sis">'
    shown = b'<xsl:template match="/"><html><body/></html></xsl:template></xsl:stylesheet>'
    return b"".join((head, sheet, b"<data:Contenu>", _without_declaration(_plain(rank, pdf)), b"</data:Contenu>", shown))


def _without_declaration(data: bytes) -> bytes:
    return re.sub(rb"^<\?xml[^>]*\?>\s*", b"", data)
