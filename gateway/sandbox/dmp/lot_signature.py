"""Judges the signature document of a lot: its shape, its signer, what it covers (dmp.md section 4, cda_signing.md 4.1; case 25).

It never believes a name: the two references and the manifest's digests are computed again (`manifest`), the properties compared (`xades`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from gateway.sandbox.dmp.bench import Bench
from gateway.sandbox.dmp.certificates import Leaf, TrustStore
from gateway.sandbox.dmp.ebrim import RegistryObject
from gateway.sandbox.dmp.manifest import Fault, LotContent, manifest_faults
from gateway.sandbox.dmp.refusals import CONTENT, Problem
from gateway.sandbox.dmp.safe_xml import XmlRefused, attribute_values, children, parse_xml, text_of
from gateway.sandbox.dmp.signature import (
    C14N,
    C14N_COMMENTS,
    DS,
    canonical,
    certificates_of,
    ds,
    matches,
    read_reference,
    signed_info_fault,
)
from gateway.sandbox.dmp.signature_entry import PURPOSE
from gateway.sandbox.dmp.xades import property_faults, reference_types, signed_properties_of, version_of

_NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
_SIGNATURE_BYTES = 1_000_000
_COVERAGE = ("references", "La signature du lot ne couvre pas le manifeste et les propriétés signées")


def signature_problems(entry: RegistryObject, body: bytes, content: LotContent, bench: Bench, now: datetime) -> Iterator[Problem]:
    """Every rule the signature document breaks; `entry` is its own DocumentEntry."""
    for rule, text in _faults(entry, body, content, bench, now):
        yield Problem(f"dmp.signature.{rule}", CONTENT, text, entry.id)


def _faults(entry: RegistryObject, body: bytes, content: LotContent, bench: Bench, now: datetime) -> Iterator[Fault]:
    try:
        root = parse_xml(body, _SIGNATURE_BYTES)
    except XmlRefused:
        yield "unreadable", "La signature du lot n'est pas un document XML lisible"
        return
    certificates = certificates_of(root)
    if root.tag != ds("Signature") or not _NCNAME.fullmatch(root.get("Id", "")) or not certificates:
        yield "shape", "La signature du lot n'a pas la forme attendue"
        return
    yield from _signer_faults(certificates, content, bench.trust, now)
    broken = signed_info_fault(root, certificates[0], bench.options.lot_digests)
    if broken is not None:
        yield broken, "La signature du lot est invalide"
    if not _purposeful(root):
        yield "purpose", "Le motif de la signature du lot n'est pas celui attendu"
    manifest, properties = _manifest(root), _properties(root, bench.options.lot_xades)
    if manifest is None or properties is None:
        yield _COVERAGE
        return
    yield from _reference_faults(root, manifest, properties, bench.options.lot_digests)
    yield from manifest_faults(manifest, content, bench.options.lot_digests)
    yield from property_faults(properties, certificates[0], entry.slot("creationTime"), now)


def _signer_faults(certificates: tuple[Leaf, ...], content: LotContent, trust: TrustStore, now: datetime) -> Iterator[Fault]:
    signer = certificates[0]
    if not signer.non_repudiation or signer.client_auth:
        yield "certificate-usage", "Le certificat de la signature du lot n'est pas un certificat de signature"
    fault = trust.fault_of(signer, now, (other.certificate for other in certificates[1:]))
    if fault is not None:
        yield f"certificate-{fault}", "Le certificat de la signature du lot n'est pas valide"
    if content.structure not in signer.units:
        yield "structure", "Le signataire du lot n'est pas la structure du jeton VIHF"


def _purposeful(root: etree._Element) -> bool:
    # The official sample writes SignatureProperties outside any namespace: both forms are read.
    found = [one for one in root.iter("{*}SignatureProperty") if one.get("Id") == "purposeOfSignature"]
    return len(found) == 1 and found[0].get("Target") == f"#{root.get('Id')}" and text_of(found[0]) == PURPOSE


def _manifest(root: etree._Element) -> etree._Element | None:
    found = root.findall(f"{ds('Object')}/{ds('Manifest')}")
    return found[0] if len(found) == 1 else None


def _properties(root: etree._Element, versions: frozenset[str]) -> etree._Element | None:
    objects = [child for one in root.iterchildren(ds("Object")) for child in children(one)]
    qualifying = [one for one in objects if str(one.tag).endswith("}QualifyingProperties")]
    if len(qualifying) != 1 or version_of(qualifying[0]) not in versions or qualifying[0].get("Target") != f"#{root.get('Id')}":
        return None
    return signed_properties_of(qualifying[0])


def _reference_faults(
    root: etree._Element, manifest: etree._Element, properties: etree._Element, accepted: frozenset[str]
) -> Iterator[Fault]:
    targets = {f"#{manifest.get('Id', '')}": manifest, f"#{properties.get('Id', '')}": properties}
    kinds = {id(manifest): frozenset({f"{DS}Manifest"}), id(properties): reference_types(properties)}
    references = [read_reference(one) for one in root.findall(f"{ds('SignedInfo')}/{ds('Reference')}")]
    identifiers = attribute_values(root, "//@*[local-name() = 'Id' or local-name() = 'ID' or local-name() = 'id']")
    if sorted(reference.uri for reference in references) != sorted(targets) or len(set(identifiers)) != len(identifiers):
        yield _COVERAGE
        return
    for reference in references:
        target = targets[reference.uri]
        if reference.kind not in kinds[id(target)] or not set(reference.transforms) <= {C14N, C14N_COMMENTS}:
            yield "reference", "Une référence de la signature du lot n'a pas le type attendu"
        # A same-document reference selects no comment, whatever the transform says (XML-DSig 4.4.3.3).
        if not matches(reference, canonical(target, exclusive=False, comments=False), accepted):
            yield "digest", "Une empreinte de la signature du lot est fausse"
