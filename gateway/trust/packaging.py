"""How a content and its signature are put together: enveloping (base64 in ds:Object, any file) or enveloped (an XML file that carries it).

Shared by XAdES and by bare XML signatures. Never enveloped in a CDA: a ds:Signature inside a ClinicalDocument breaks its schema
(cda_signing.md 0.2). Source: dossier cda_signing.md 4.2.
"""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from gateway.kernel.errors import Refused
from gateway.trust.algorithms import BASE64, CANONICAL_FORMS, DS, digest_of, digest_of_pieces
from gateway.trust.dsig import ds, reference, transform
from gateway.trust.signer import DigestName
from gateway.xml import c14n
from gateway.xml.parse import parse_large

_PIECE = 3 * 65_536
"""Three bytes make four letters: pieces of a multiple of three join without padding."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The algorithms of a signature: one digest for all of it, one canonical form (URI of `algorithms.CANONICAL_FORMS`)."""

    digest: DigestName = "sha256"
    form: str = c14n.EXCLUSIVE


class EnvelopeRefused(Refused):
    """The XML document cannot carry its own signature: it is a CDA or holds one, or it carries a signature already."""

    code = "envelope-refused"
    title = "Signature enveloppée impossible"
    what = "Ce document XML ne peut pas porter sa propre signature : c'est un CDA, dont le schéma l'interdit, ou il en porte déjà une."
    gesture = "Demandez une signature enveloppante, qui contient le document sans le modifier."


def reference_to_carried(data: bytes, identity: str, digest: DigestName) -> etree._Element:
    """The reference to the raw bytes of `data`, which `written_around` puts into the signature."""
    return reference(
        f"#o-{identity}",
        digest,
        digest_of(data, digest),
        transforms=[transform(BASE64)],
        kind=f"{DS}Object",
        identifier=f"r-{identity}",
    )


class Filling:
    """A text that stands in a document for the base64 of a large content, until the document is digested or written.

    In a tree, in its canonical form and in the text the base64 would stand in memory three or four times over; the canonical form of base64
    is itself. Nobody can have guessed the text that stands for it.
    """

    def __init__(self, data: bytes) -> None:
        self.text = secrets.token_hex(16)
        self._data = data

    def pieces(self, document: bytes) -> Iterator[bytes]:
        """The document piece by piece, the base64 at its place."""
        before, _, after = document.partition(self.text.encode())
        yield before
        whole = memoryview(self._data)
        for begin in range(0, len(whole), _PIECE):
            yield base64.b64encode(whole[begin : begin + _PIECE])
        yield after


def written_around(signature: etree._Element, data: bytes, identity: str) -> bytes:
    """The finished signature (UTF-8 XML) with `data` in base64 as its last ds:Object."""
    filling = Filling(data)
    signature.append(ds("Object", filling.text, Id=f"o-{identity}"))
    return written(signature, filling)


def bearer(document: bytes) -> etree._Element:
    """The root of an XML document that may carry its own signature; raises EnvelopeRefused, XmlMalformed."""
    root = parse_large(document, max_bytes=len(document))
    if next(root.iter("{urn:hl7-org:v3}ClinicalDocument", f"{{{DS}}}Signature"), None) is not None:
        raise EnvelopeRefused(field="file")
    return root


def reference_around(
    root: etree._Element, without: etree._Element, identity: str, recipe: Recipe, filling: Filling | None = None
) -> etree._Element:
    """The reference to the whole document before its signature is in it; `without` is the transform that takes the signature out.

    A same-document reference has no comments in its node set, whatever the form asked for (xmldsig-core 4.4.3.2).
    """
    tree = root.getroottree()
    octets = c14n.exclusive(tree) if CANONICAL_FORMS[recipe.form].exclusive else c14n.inclusive(tree, with_comments=False)
    value = digest_of(octets, recipe.digest) if filling is None else digest_of_pieces(filling.pieces(octets), recipe.digest)
    return reference("", recipe.digest, value, transforms=[without, transform(recipe.form)], identifier=f"r-{identity}")


def written(root: etree._Element, filling: Filling | None = None) -> bytes:
    """The whole document, UTF-8 XML."""
    text: bytes = etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True)
    if filling is None:
        return text
    target = io.BytesIO()
    for piece in filling.pieces(text):
        target.write(piece)
    return target.getvalue()
