"""What a reference of a signature points at, and the octets it digests: a closed list of places and of transforms.

Places: the signature's own objects and properties, the whole document around it, the content handed in apart. Transforms: canonical forms,
base64, removal of the signature itself (enveloped-signature, or esignsante's XPath to the letter). Nothing is fetched, nothing is run: any
other place or transform is refused. Sources: dossiers cda_signing.md 4.2 and 5; W3C xmldsig-core 4.4.3.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from gateway.trust.algorithms import BASE64, CANONICAL_FORMS, DIGESTS, DS, ENVELOPED, XPATH, digest_of
from gateway.trust.dsig import canonical
from gateway.trust.properties import NAMESPACES
from gateway.trust.signature_parts import Method, ReferenceParts, SignatureParts, Unacceptable, decoded
from gateway.xml import c14n
from gateway.xml.errors import XmlMalformed
from gateway.xml.parse import parse_large

Place = Literal["object", "manifest", "purpose", "properties", "key", "root", "document", "detached"]

_WITHOUT_SIGNATURE = "not(ancestor-or-self::ds:Signature)"
_SAME_DOCUMENT = {"": c14n.INCLUSIVE, c14n.INCLUSIVE_WITH_COMMENTS: c14n.INCLUSIVE, c14n.EXCLUSIVE_WITH_COMMENTS: c14n.EXCLUSIVE}
"""A same-document reference has no comments in its node set, whatever the form asked for (xmldsig-core 4.4.3.2)."""
_ID_NAMES = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")


@dataclass(frozen=True, slots=True)
class Scene:
    """A parsed document, the one signature in it, and the content handed in apart if any."""

    document: bytes
    root: etree._Element
    signature: SignatureParts
    detached: bytes | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference covers: the place, the element there (None for a detached content), and the octets it digests."""

    place: Place
    element: etree._Element | None
    octets: bytes


def resolve(reference: ReferenceParts, scene: Scene) -> Target:
    """The target of a reference; raises Unacceptable for a place or a transform that is not in the list."""
    place, element = _place(reference.uri, scene)
    steps, form = _recipe(reference.transforms)
    if place == "detached":
        return Target(place, None, _detached_octets(scene.detached, steps, form))
    if element is None:
        raise Unacceptable("no target", reason="une référence ne vise rien")
    if place in ("root", "document"):
        if steps != "remove":
            raise Unacceptable("signature not removed", reason="la signature se couvre elle-même")
        return Target(place, element, _octets_without_signature(scene, form, whole=place == "document"))
    if steps == "decode" and place == "object":
        return Target(place, element, decoded(element))
    if steps:
        raise Unacceptable("transform out of place", reason="une transformation n'est pas à sa place")
    return Target(place, element, canonical(element, _SAME_DOCUMENT.get(form.algorithm, form.algorithm), form.prefixes))


def intact(reference: ReferenceParts, octets: bytes) -> bool:
    """True when the octets have the digest that the reference says; raises Unacceptable for an unknown digest."""
    name = DIGESTS.get(reference.digest_algorithm)
    if name is None:
        raise Unacceptable("digest algorithm", reason="une empreinte est d'un type inconnu")
    return hmac.compare_digest(digest_of(octets, name), reference.value)


def identifiers(root: etree._Element) -> list[str]:
    """Every identifier of the document, under the four names that readers take for one."""
    return [value for element in root.iter(etree.Element) for name in _ID_NAMES if (value := element.get(name)) is not None]


def _place(uri: str | None, scene: Scene) -> tuple[Place, etree._Element | None]:
    parts = scene.signature
    parent = parts.element.getparent()
    if uri == "":
        if parent is None:
            raise Unacceptable("URI empty", reason="la signature prétend couvrir un document qui n'est pas là")
        return "document", scene.root
    if uri is None or not uri.startswith("#"):
        return "detached", None
    for place, element in _known(parts):
        if element.get("Id") == uri[1:]:
            return place, element
    if parent is scene.root and uri[1:] in [scene.root.get(name) for name in _ID_NAMES]:
        return "root", scene.root
    raise Unacceptable("target not allowed", reason="une référence vise un élément inattendu")


def _known(parts: SignatureParts) -> list[tuple[Place, etree._Element]]:
    known: list[tuple[Place, etree._Element]] = [("object", held) for held in parts.objects]
    if parts.key_info is not None:
        known.append(("key", parts.key_info))
    names: dict[str, Place] = {f"{{{DS}}}Manifest": "manifest", f"{{{DS}}}SignatureProperties": "purpose"}
    names |= {f"{{{namespace}}}SignedProperties": "properties" for namespace in NAMESPACES.values()}
    for held in parts.objects:
        for child in held.iterchildren(etree.Element):
            candidates = [child, *child.iterchildren(etree.Element)] if str(child.tag).endswith("}QualifyingProperties") else [child]
            known += [(names[str(one.tag)], one) for one in candidates if str(one.tag) in names]
    return known


def _recipe(transforms: tuple[Method, ...]) -> tuple[Literal["", "decode", "remove"], Method]:
    steps = list(transforms)
    if len(steps) == 1 and steps[0].algorithm == BASE64:
        return "decode", Method(c14n.INCLUSIVE)
    what: Literal["", "remove"] = ""
    if steps and (steps[0].algorithm == ENVELOPED or (steps[0].algorithm == XPATH and steps[0].xpath == _WITHOUT_SIGNATURE)):
        what = "remove"
        steps.pop(0)
    if not steps:
        return what, Method("" if transforms == () else c14n.INCLUSIVE)
    if len(steps) > 1 or steps[0].algorithm not in CANONICAL_FORMS or steps[0].xpath is not None:
        raise Unacceptable("transform", reason="elle demande une transformation que Relais n'accepte pas")
    return what, steps[0]


def _detached_octets(detached: bytes | None, steps: str, form: Method) -> bytes:
    if detached is None:
        raise Unacceptable("detached content absent", reason="le contenu signé est à part et n'a pas été fourni")
    if steps:
        raise Unacceptable("transform out of place", reason="une transformation n'est pas à sa place")
    if not form.algorithm:
        return detached
    try:
        tree = parse_large(detached, max_bytes=len(detached)).getroottree()
    except XmlMalformed:
        raise Unacceptable("detached content is not XML", reason="le contenu fourni n'est pas le document XML attendu") from None
    chosen = CANONICAL_FORMS[form.algorithm]
    if chosen.exclusive:
        return c14n.exclusive(tree, form.prefixes, with_comments=chosen.with_comments)
    return c14n.inclusive(tree, with_comments=chosen.with_comments)


def _octets_without_signature(scene: Scene, form: Method, *, whole: bool) -> bytes:
    copy = parse_large(scene.document, max_bytes=len(scene.document))
    signature = copy[scene.root.index(scene.signature.element)]
    tail, before = signature.tail, signature.getprevious()
    if tail and before is not None:
        before.tail = (before.tail or "") + tail
    elif tail:
        copy.text = (copy.text or "") + tail
    signature.tail = None
    copy.remove(signature)
    node = copy.getroottree() if whole else copy
    exclusive = CANONICAL_FORMS[form.algorithm or c14n.INCLUSIVE].exclusive
    return c14n.exclusive(node, form.prefixes) if exclusive else c14n.inclusive(node, with_comments=False)
