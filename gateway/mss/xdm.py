"""IHE_XDM.ZIP: one submission set and its document, as the receiving software expects to find them (mssante.md 2.2).

Never writes to disk and never carries a time of its own: the same document gives the same bytes. Upper case 8.3 names, plain deflate, no
zip64, no directory entry. The CDA goes in byte for byte.
"""

from __future__ import annotations

from functools import cache
from html import escape
from importlib import metadata

import msgspec

from gateway.model.document import ClinicalHeader
from gateway.model.people import Person
from gateway.mss.deflated_zip import Member, write_zip
from gateway.xds.model import DocumentEntry, SubmissionSet
from gateway.xds.xdm_metadata import XdmEntry, write_xdm_metadata

ARCHIVE_NAME = "IHE_XDM.zip"
ARCHIVE_MEDIA_TYPE = "application/zip"
DOCUMENT_NAME = "DOC0001.XML"
README_NAME = "README.TXT"
INDEX_NAME = "INDEX.HTM"
SUBSET = "IHE_XDM/SUBSET01/"
METADATA_NAME = "METADATA.XML"

_APPLICATION = "Relais"


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends, as README and INDEX name them to a person who opens the archive by hand."""

    person: str
    organization: str
    address: str
    telephone: str


def write_archive(
    issuer: Issuer,
    submission: SubmissionSet,
    entry: DocumentEntry,
    cda: bytes,
    *,
    replaces: str | None = None,
    structured: bool = False,
) -> bytes:
    """The zip; `entry` bears the SHA-1 and size of `cda`, `replaces` the uniqueId of the replaced document, `structured` means an N3.

    Raises EntryIncomplete, XmlTextInvalid.
    """
    described = write_xdm_metadata(submission, [XdmEntry(entry=entry, uri=DOCUMENT_NAME, replaces=replaces)])
    return write_zip(
        (
            Member(name=README_NAME, content=_readme(issuer)),
            Member(name=INDEX_NAME, content=_index(issuer)),
            Member(name=SUBSET + METADATA_NAME, content=described),
            Member(name=SUBSET + DOCUMENT_NAME, content=cda, base64=not structured),
        )
    )


def issuer_of(header: ClinicalHeader, *, address: str | None, telephone: str | None) -> Issuer:
    """The author of the document and their structure; what the configuration does not know is written `-`."""
    author = header.authors[0] if header.authors else None
    person = author.person if author is not None else header.legal_authenticator
    organization = author.organization if author is not None else header.custodian
    return Issuer(
        person=_one_line(_full_name(person)),
        organization=_one_line(f"{organization.name} ({organization.id})"),
        address=_one_line(address or "-"),
        telephone=_one_line(telephone or "-"),
    )


def _readme(issuer: Issuer) -> bytes:
    lines = (
        "Emetteur",
        f"  Nom : {issuer.person}",
        f"  Organisme : {issuer.organization}",
        f"  Adresse : {issuer.address}",
        f"  Téléphone : {issuer.telephone}",
        "",
        "Application",
        f"  Nom : {_APPLICATION}",
        f"  Version : {_version()}",
        f"  Editeur : {_APPLICATION}",
        "",
        "Instructions",
        "  Ce dossier contient un document de santé et sa description.",
        "  Ouvrez-le avec votre logiciel de santé, qui saura le classer dans le dossier du patient.",
        "",
        "Arborescence",
        f"  {README_NAME}",
        f"  {INDEX_NAME}",
        *(f"  {SUBSET}{name}" for name in (METADATA_NAME, DOCUMENT_NAME)),
        "",
    )
    return "\r\n".join(lines).encode("utf-8", "replace")


def _index(issuer: Issuer) -> bytes:
    page = f"""<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="fr" lang="fr">
<head><title>Document de santé</title></head>
<body>
<p>{escape(issuer.person)}, {escape(issuer.organization)}</p>
<p><a href="{README_NAME}">{README_NAME}</a></p>
<p><a href="{SUBSET}{DOCUMENT_NAME}">{DOCUMENT_NAME}</a></p>
</body>
</html>
"""
    return page.replace("\n", "\r\n").encode("utf-8", "replace")


def _full_name(person: Person) -> str:
    return " ".join(part for part in (person.title, person.given, person.family) if part)


def _one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


@cache
def _version() -> str:
    try:
        return metadata.version("relais")
    except metadata.PackageNotFoundError:
        return "0"
