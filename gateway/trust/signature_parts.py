"""A ds:Signature taken apart, strictly: known children in their order, plain texts, nothing to fetch. Judges nothing else.

What is not understood is refused, never skipped: an element that one reader skips and another obeys is how signatures are wrapped.
Sources: dossier cda_signing.md section 5; W3C xmldsig-core.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from gateway.kernel.errors import Refused
from gateway.trust.algorithms import DS, XPATH
from gateway.xml.c14n import EXCLUSIVE

_MOST_REFERENCES = 64
_BLANK = re.compile(r"\s")
_LIST = f"{{{EXCLUSIVE}}}InclusiveNamespaces"


class Unacceptable(Refused):
    """A signature that is not of a form that Relais accepts; the French reason goes into the report."""

    code = "signature-unacceptable"
    title = "Signature d'une forme refusée"
    what = "La signature n'est pas d'une forme acceptée : {reason}."
    gesture = "Demandez à l'émetteur une signature XAdES Baseline-B, enveloppante ou détachée."

    @property
    def reason(self) -> str:
        """The French reason alone."""
        return str(self.facts.get("reason", ""))


@dataclass(frozen=True, slots=True)
class Method:
    """A canonical form or a transform: its URI, its InclusiveNamespaces list, its XPath text."""

    algorithm: str
    prefixes: tuple[str, ...] = ()
    xpath: str | None = None


@dataclass(frozen=True, slots=True)
class ReferenceParts:
    """One ds:Reference; `uri` is None when the attribute is absent."""

    uri: str | None
    kind: str | None
    identifier: str | None
    transforms: tuple[Method, ...]
    digest_algorithm: str
    value: bytes


@dataclass(frozen=True, slots=True)
class SignatureParts:
    """One ds:Signature."""

    element: etree._Element
    identifier: str | None
    info: etree._Element
    form: Method
    algorithm: str
    references: tuple[ReferenceParts, ...]
    value: bytes
    key_info: etree._Element | None
    certificates: tuple[bytes, ...]
    objects: tuple[etree._Element, ...]


def read_signature(element: etree._Element) -> SignatureParts:
    """Take a ds:Signature apart; raises Unacceptable."""
    if element.tag != _ds("Signature"):
        raise Unacceptable("root", reason="ce n'est pas une signature XML")
    children = _children(element)
    info, value = _next(children, "SignedInfo"), _next(children, "SignatureValue")
    rest = list(children)
    key_info = rest.pop(0) if rest and rest[0].tag == _ds("KeyInfo") else None
    if any(child.tag != _ds("Object") for child in rest):
        raise Unacceptable("unknown child of Signature", reason="elle contient un élément inattendu")
    form, algorithm, references = _read_info(info)
    return SignatureParts(
        element=element,
        identifier=element.get("Id"),
        info=info,
        form=form,
        algorithm=algorithm,
        references=references,
        value=decoded(value),
        key_info=key_info,
        certificates=_certificates(key_info),
        objects=tuple(rest),
    )


def read_reference(element: etree._Element) -> ReferenceParts:
    """Take a ds:Reference apart; raises Unacceptable."""
    children = list(_children(element))
    transforms: tuple[Method, ...] = ()
    if children and children[0].tag == _ds("Transforms"):
        transforms = tuple(_method(child, "Transform") for child in _children(children.pop(0)))
    if [child.tag for child in children] != [_ds("DigestMethod"), _ds("DigestValue")]:
        raise Unacceptable("reference", reason="une référence est incomplète")
    return ReferenceParts(
        uri=element.get("URI"),
        kind=element.get("Type"),
        identifier=element.get("Id"),
        transforms=transforms,
        digest_algorithm=str(children[0].get("Algorithm")),
        value=decoded(children[1]),
    )


def plain_text(element: etree._Element) -> str:
    """The text of an element that holds nothing else; a comment inside would hide the rest of it. Raises Unacceptable."""
    if len(element):
        raise Unacceptable("mixed content", reason="un texte y est coupé par un autre élément ou un commentaire")
    return element.text or ""


def decoded(element: etree._Element) -> bytes:
    """The base64 text of an element, decoded; raises Unacceptable."""
    text = plain_text(element)
    try:
        return base64.b64decode("".join(text.split()) if _BLANK.search(text) else text, validate=True)
    except (binascii.Error, ValueError):
        raise Unacceptable("base64", reason="un contenu en base64 y est abîmé") from None


def _read_info(info: etree._Element) -> tuple[Method, str, tuple[ReferenceParts, ...]]:
    children = list(_children(info))
    if len(children) < 3 or len(children) > _MOST_REFERENCES or children[1].tag != _ds("SignatureMethod") or len(children[1]):
        raise Unacceptable("SignedInfo", reason="son contenu signé est incomplet ou inattendu")
    if any(child.tag != _ds("Reference") for child in children[2:]):
        raise Unacceptable("SignedInfo", reason="elle contient un élément inattendu")
    algorithm = str(children[1].get("Algorithm"))
    return _method(children[0], "CanonicalizationMethod"), algorithm, tuple(read_reference(child) for child in children[2:])


def _method(element: etree._Element, name: str) -> Method:
    if element.tag != _ds(name):
        raise Unacceptable(f"{name} expected", reason="elle contient un élément inattendu")
    algorithm, children = str(element.get("Algorithm")), list(_children(element))
    if not children:
        return Method(algorithm)
    if len(children) == 1 and children[0].tag == _LIST:
        return Method(algorithm, prefixes=tuple(str(children[0].get("PrefixList", "")).split()))
    if len(children) == 1 and algorithm == XPATH and children[0].tag == _ds("XPath"):
        bound = children[0].nsmap.get("ds") == DS
        return Method(algorithm, xpath=plain_text(children[0]).strip() if bound else "")
    raise Unacceptable("parameters", reason="une transformation y porte un paramètre inattendu")


def _certificates(key_info: etree._Element | None) -> tuple[bytes, ...]:
    if key_info is None:
        return ()
    if key_info.find(f".//{_ds('RetrievalMethod')}") is not None:
        raise Unacceptable("RetrievalMethod", reason="elle demande d'aller chercher son certificat ailleurs")
    held = [child for data in _children(key_info) if data.tag == _ds("X509Data") for child in _children(data)]
    return tuple(decoded(child) for child in held if child.tag == _ds("X509Certificate"))


def _children(element: etree._Element) -> Iterator[etree._Element]:
    for child in element:
        if not isinstance(child.tag, str):
            raise Unacceptable("comment or instruction", reason="un commentaire ou une instruction y est glissé")
        yield child


def _next(children: Iterator[etree._Element], name: str) -> etree._Element:
    child = next(children, None)
    if child is None or child.tag != _ds(name):
        raise Unacceptable(f"{name} expected", reason="elle est incomplète")
    return child


def _ds(name: str) -> str:
    return f"{{{DS}}}{name}"
