"""The verification of an XML signature, XAdES or bare: a report rule by rule, safe against wrapping and substitution.

One signature, at the root or right under it; identifiers unique; references and transforms from closed lists; the key taken from the
certificate that the signed properties designate (a bare signature designates none: its first); the content handed back is what was
digested. Nothing is fetched; a bad signature is a report, never an error. Sources: dossier cda_signing.md 4.2 and 5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from lxml import etree

from gateway.trust.algorithms import CANONICAL_FORMS, DIGESTS, DS, SIGNATURES, hash_algorithm
from gateway.trust.certificate import distinguished_name, rsa_public_key, to_der
from gateway.trust.certificate_rules import choose_certificate, judge_certificate
from gateway.trust.dsig import canonical
from gateway.trust.errors import CertificateMalformed
from gateway.trust.lot_check import verify_lot
from gateway.trust.properties import NAMESPACES
from gateway.trust.properties_reading import SignedProperties, read_properties
from gateway.trust.references import Scene, Target, identifiers, intact, resolve
from gateway.trust.report import Ledger, Packaging, Report, Rule
from gateway.trust.signature_parts import ReferenceParts, SignatureParts, Unacceptable, read_signature
from gateway.xml.errors import XmlMalformed
from gateway.xml.parse import parse_large

__all__ = ["LARGEST_DOCUMENT", "Report", "verify_lot", "verify_signature"]

LARGEST_DOCUMENT = 30_000_000
_CLOCK_SLACK = timedelta(minutes=5)
_PACKAGINGS: dict[str, Packaging] = {"object": "ENVELOPING", "root": "ENVELOPED", "document": "ENVELOPED", "detached": "DETACHED"}
_HARMLESS = frozenset(
    {"SignatureProperties", f"{{{DS}}}SignatureProperties", *(f"{{{namespace}}}QualifyingProperties" for namespace in NAMESPACES.values())}
)
"""What an object may hold without being covered itself."""


def verify_signature(
    document: bytes,
    *,
    detached: bytes | None = None,
    anchors: bytes,
    crls: Sequence[bytes] = (),
    at: datetime,
    max_bytes: int = LARGEST_DOCUMENT,
    bare: bool = False,
) -> Report:
    """The report on `document` (XML); `detached` is the content that a detached signature covers, `anchors` PEM, `crls` PEM or DER.

    The certificate is judged at the claimed signing time and `at` (aware). `bare`: an XMLDSig without XAdES properties is asked for, which
    says neither when it was made nor by which certificate; an XAdES one is then refused, as the service does. Raises RevocationListRefused
    for an unreadable list, and nothing for what a stranger wrote.
    """
    ledger = Ledger()
    scene = _read_scene(document, detached, max_bytes, ledger)
    properties = _read_properties(scene, ledger, bare=bare) if scene is not None else None
    if scene is None:
        return Report(valid=False, findings=ledger.findings(), readable=ledger.readable)
    parts = scene.signature
    _judge_algorithms(parts, properties, ledger)
    claimed = judge_time(properties.signing_time if properties is not None else None, at, ledger, dated=not bare)
    marks = None if bare else properties.certificates if properties is not None else ()
    certificate = choose_certificate(parts.certificates, marks, ledger)
    data = _judge_references(scene, properties, ledger)
    ledger.passed(Rule.FORMAT, f"La signature est d'une forme acceptée ({'XMLDSig' if bare else 'XAdES'}).")
    if certificate is not None:
        _judge_value(parts, certificate, ledger)
        judge_certificate(certificate, parts.certificates, ledger, anchors=anchors, crls=crls, claimed=claimed, at=at)
    return _report(scene, properties, certificate, data, ledger, dated=not bare)


def _read_scene(document: bytes, detached: bytes | None, max_bytes: int, ledger: Ledger) -> Scene | None:
    try:
        root = parse_large(document, max_bytes=max_bytes)
    except XmlMalformed:
        ledger.readable = False
        ledger.failed(Rule.FORMAT, "Le fichier n'est pas un document XML lisible.")
        return None
    found = list(root.iter(f"{{{DS}}}Signature"))
    if not found:
        ledger.failed(Rule.SIGNATURE_PRESENT, "Le document ne contient aucune signature.")
        return None
    if len(found) > 1 or (found[0] is not root and found[0].getparent() is not root):
        ledger.failed(Rule.FORMAT, "Le document contient plusieurs signatures, ou une signature à une place inattendue.")
        return None
    repeated = [name for name, count in Counter(identifiers(root)).items() if count > 1]
    if repeated:
        ledger.failed(Rule.FORMAT, "Le même identifiant y désigne plusieurs éléments : le document a pu être altéré.")
        return None
    try:
        parts = read_signature(found[0])
    except Unacceptable as refusal:
        ledger.failed(Rule.FORMAT, f"La signature n'est pas d'une forme acceptée : {refusal.reason}.")
        return None
    if not parts.value:
        ledger.failed(Rule.SIGNATURE_PRESENT, "La signature est vide.")
        return None
    ledger.passed(Rule.SIGNATURE_PRESENT, "Le document contient une signature.")
    return Scene(document, root, parts, detached)


def _read_properties(scene: Scene, ledger: Ledger, *, bare: bool) -> SignedProperties | None:
    try:
        properties = read_properties(scene.signature)
    except Unacceptable as refusal:
        ledger.failed(Rule.FORMAT, f"La signature n'est pas d'une forme acceptée : {refusal.reason}.")
        return None
    if properties is None and not bare:
        ledger.failed(Rule.FORMAT, "La signature n'est pas au format XAdES : elle n'a pas de propriétés signées.")
    elif properties is not None and bare:
        ledger.failed(Rule.FORMAT, "La signature est au format XAdES : elle se vérifie comme telle.")
    return properties


def _judge_algorithms(parts: SignatureParts, properties: SignedProperties | None, ledger: Ledger) -> None:
    used = [DIGESTS.get(reference.digest_algorithm) for reference in parts.references]
    used += [mark.digest for mark in properties.certificates] if properties is not None else []
    used.append(SIGNATURES.get(parts.algorithm))
    if None in used or parts.form.algorithm not in CANONICAL_FORMS:
        ledger.failed(Rule.ALGORITHM, "La signature emploie un algorithme que Relais n'accepte pas.")
    elif "sha1" in used:
        ledger.failed(Rule.ALGORITHM, "La signature emploie SHA-1, qui n'est plus sûr.")
    else:
        ledger.passed(Rule.ALGORITHM, "Les algorithmes employés sont acceptés.")


def judge_time(claimed: datetime | None, at: datetime, ledger: Ledger, *, dated: bool = True) -> datetime | None:
    """Judge the claimed signing time, and return it; not `dated`: the form of the signature has no place for one."""
    if claimed is None and not dated:
        ledger.unknown(Rule.SIGNING_TIME, "Non vérifié : cette forme de signature ne dit pas quand elle a été faite.")
    elif claimed is None:
        ledger.failed(Rule.SIGNING_TIME, "La signature ne dit pas quand elle a été faite.")
    elif claimed > at + _CLOCK_SLACK:
        ledger.failed(Rule.SIGNING_TIME, "La date de signature est dans le futur.")
    else:
        ledger.passed(Rule.SIGNING_TIME, "La signature porte une date, déclarée par le signataire.")
    return claimed


def _judge_value(parts: SignatureParts, certificate: x509.Certificate, ledger: Ledger) -> None:
    digest = SIGNATURES.get(parts.algorithm)
    if digest is None or parts.form.algorithm not in CANONICAL_FORMS:
        ledger.failed(Rule.SIGNATURE_INTACT, "La signature ne peut pas être vérifiée : son algorithme n'est pas accepté.")
        return
    try:
        signed = canonical(parts.info, parts.form.algorithm, parts.form.prefixes)
        rsa_public_key(certificate).verify(parts.value, signed, PKCS1v15(), hash_algorithm(digest))
    except (InvalidSignature, CertificateMalformed, XmlMalformed):
        ledger.failed(Rule.SIGNATURE_INTACT, "La signature ne correspond pas au certificat joint : elle a été altérée.")
    else:
        ledger.passed(Rule.SIGNATURE_INTACT, "La signature est intacte.")


def _judge_references(scene: Scene, properties: SignedProperties | None, ledger: Ledger) -> tuple[ReferenceParts, Target] | None:
    resolved: list[tuple[ReferenceParts, Target]] = []
    for reference in scene.signature.references:
        try:
            target = resolve(reference, scene)
            whole = intact(reference, target.octets)
        except (Unacceptable, XmlMalformed) as refusal:
            reason = refusal.reason if isinstance(refusal, Unacceptable) else "un contenu ne peut pas être relu"
            ledger.failed(Rule.DOCUMENT_INTACT, f"Le contenu signé ne peut pas être vérifié : {reason}.")
            continue
        resolved.append((reference, target))
        if not whole and target.place in ("properties", "key"):
            ledger.failed(Rule.SIGNATURE_INTACT, "Les propriétés signées (date, certificat) ont été modifiées après la signature.")
        elif not whole:
            ledger.failed(Rule.DOCUMENT_INTACT, "Le contenu signé a été modifié après la signature.")
    covered = [target.element for _, target in resolved]
    if properties is not None and not any(one is properties.element for one in covered):
        ledger.failed(Rule.FORMAT, "La signature ne couvre pas ses propriétés (date, certificat).")
    if any(_carries_uncovered(held, covered) for held in scene.signature.objects):
        ledger.failed(Rule.FORMAT, "La signature transporte un contenu qu'elle ne couvre pas.")
    return _signed_content(resolved, scene, ledger)


def _signed_content(
    resolved: Sequence[tuple[ReferenceParts, Target]], scene: Scene, ledger: Ledger
) -> tuple[ReferenceParts, Target] | None:
    data = [pair for pair in resolved if pair[1].place in _PACKAGINGS]
    if any(target.place == "manifest" for _, target in resolved):
        ledger.unknown(
            Rule.DOCUMENT_INTACT, "Non vérifié : la signature porte sur une liste d'empreintes, les documents ne sont pas fournis."
        )
        return None
    if len(data) != 1:
        ledger.failed(Rule.DOCUMENT_INTACT, "La signature ne couvre pas un contenu et un seul.")
        return None
    target = data[0][1]
    if _PACKAGINGS[target.place] != "ENVELOPED" and scene.signature.element is not scene.root:
        ledger.failed(Rule.FORMAT, "La signature est entourée d'un document qu'elle ne couvre pas.")
    if scene.detached is not None and target.octets != scene.detached and target.place != "detached":
        ledger.failed(Rule.DOCUMENT_INTACT, "Le contenu fourni n'est pas celui que la signature couvre.")
    ledger.passed(Rule.DOCUMENT_INTACT, "Le contenu signé est intact.")
    return data[0]


def _carries_uncovered(held: etree._Element, covered: Sequence[etree._Element | None]) -> bool:
    if any(one is held for one in covered):
        return False
    if (held.text or "").strip() or any((child.tail or "").strip() for child in held):
        return True
    return any(child.tag not in _HARMLESS and not any(one is child for one in covered) for child in held)


def _report(
    scene: Scene,
    properties: SignedProperties | None,
    certificate: x509.Certificate | None,
    data: tuple[ReferenceParts, Target] | None,
    ledger: Ledger,
    *,
    dated: bool,
) -> Report:
    intact_both = ledger.has_passed(Rule.SIGNATURE_INTACT) and ledger.has_passed(Rule.DOCUMENT_INTACT)
    reference, target = data if data is not None else (None, None)
    described = properties.media_types if properties is not None else {}
    return Report(
        findings=ledger.findings(),
        valid=ledger.valid(dated=dated),
        packaging=_PACKAGINGS.get(target.place) if target is not None else None,
        signing_time=properties.signing_time if properties is not None else None,
        signer=distinguished_name(certificate.subject) if certificate is not None else None,
        issuer=distinguished_name(certificate.issuer) if certificate is not None else None,
        serial=f"{certificate.serial_number:x}" if certificate is not None else None,
        certificate=to_der(certificate) if certificate is not None else None,
        certificate_not_after=certificate.not_valid_after_utc if certificate is not None else None,
        signature_algorithm=scene.signature.algorithm,
        digest_algorithm=reference.digest_algorithm if reference is not None else None,
        media_type=described.get(reference.identifier or "") if reference is not None else None,
        roles=properties.roles if properties is not None else (),
        original=target.octets if target is not None and intact_both else None,
    )
