"""The answers of esignsante, its names to the letter (cda_signing.md 4.2; the public description of its API for the configurations)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from litestar.response import Stream

from gateway.api.base64_answer import Base64Answer
from gateway.flow.signing.esignsante import Numbered, Outcome
from gateway.flow.signing.places import Place
from gateway.trust.certificate_report import RULES
from gateway.trust.properties import signing_time
from gateway.trust.report import Rule

_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_METADATA = ("DATE_SIGNATURE", "DN_CERTIFICAT", "DOCUMENT_ORIGINAL_NON_SIGNE")
_DESCRIBED = {
    Rule.SIGNATURE_PRESENT: "La signature existe et n'est pas vide.",
    Rule.FORMAT: "La signature est de la forme demandée (XAdES, XMLDSig ou PAdES).",
    Rule.ALGORITHM: "Les algorithmes employés sont acceptés (règle propre à Relais).",
    Rule.CERTIFICATE_PRESENT: "La signature contient le certificat du signataire.",
    Rule.SIGNING_TIME: "La signature dit quand elle a été faite (sauf XMLDSig, qui n'a pas de date).",
    Rule.SIGNATURE_INTACT: "La signature est intacte.",
    Rule.DOCUMENT_INTACT: "Le contenu signé est intact.",
    Rule.CERTIFICATE_VALID: "Le certificat est celui que le signataire a désigné, et il était valable.",
    Rule.CERTIFICATE_PERIOD: "Le certificat était dans sa période de validité.",
    Rule.NON_REPUDIATION: "Le certificat est fait pour signer des documents.",
    Rule.TRUSTED: "Le certificat vient d'une autorité reconnue.",
    Rule.REVOCATION: "Le certificat n'est pas révoqué d'après la dernière liste détenue.",
}


class _View(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Erreur(_View, frozen=True, kw_only=True, rename={"code": "codeErreur"}):
    """A rule that failed."""

    code: str
    message: str


class Metadata(_View, frozen=True, kw_only=True, rename={"kind": "typeMetadata"}):
    """A fact about the signature."""

    kind: Literal["DATE_SIGNATURE", "DN_CERTIFICAT", "DOCUMENT_ORIGINAL_NON_SIGNE"]
    message: str


class ESignSanteSignatureReport(_View, frozen=True, kw_only=True, rename={"errors": "erreurs", "signed": "docSigne"}):
    """The signed document, base64."""

    errors: tuple[Erreur, ...]
    signed: str


class ESignSanteValidationReport(_View, frozen=True, kw_only=True, rename={"errors": "erreurs", "facts": "metaData", "valid": "valide"}):
    """The verdict."""

    errors: tuple[Erreur, ...]
    facts: tuple[Metadata, ...]
    valid: bool


class ESignSanteSignatureReportWithProof(
    _View,
    frozen=True,
    kw_only=True,
    rename={"errors": "erreurs", "facts": "metaData", "valid": "valide", "signed": "docSigne", "proof": "preuve"},
):
    """The signed document, its verdict and the signed proof, base64."""

    errors: tuple[Erreur, ...]
    facts: tuple[Metadata, ...]
    valid: bool
    signed: str
    proof: str


class ESignSanteValidationReportWithProof(
    _View, frozen=True, kw_only=True, rename={"errors": "erreurs", "facts": "metaData", "valid": "valide", "proof": "preuve"}
):
    """The verdict and the signed proof, base64."""

    errors: tuple[Erreur, ...]
    facts: tuple[Metadata, ...]
    valid: bool
    proof: str


class RuleTold(_View, frozen=True, kw_only=True):
    """A rule and what it asks."""

    id: str
    description: str


class ConfSign(
    _View,
    frozen=True,
    kw_only=True,
    rename={
        "id": "idSignConf",
        "proof": "associatedProofId",
        "packaging": "signaturePackaging",
        "digest": "digestAlgorithm",
        "canonical": "canonicalisationAlgorithm",
    },
):
    """One `idSignConf`."""

    id: int
    proof: int
    description: str
    packaging: Literal["ENVELOPING", "ENVELOPED"]
    digest: Literal["SHA256", "SHA512"]
    canonical: str
    dn: str


class ConfVerifSign(_View, frozen=True, kw_only=True, rename={"id": "idVerifSignConf", "facts": "metaData"}):
    """One `idVerifSignConf`: every rule."""

    id: int
    description: str
    rules: tuple[RuleTold, ...]
    facts: tuple[str, ...]


class ConfVerifCert(_View, frozen=True, kw_only=True, rename={"id": "idVerifCertConf", "facts": "metaData"}):
    """One `idVerifCertConf`: every rule that concerns a certificate."""

    id: int
    description: str
    rules: tuple[RuleTold, ...]
    facts: tuple[str, ...]


class ConfProof(
    _View,
    frozen=True,
    kw_only=True,
    rename={
        "id": "idProofConf",
        "packaging": "signaturePackagingForProof",
        "digest": "digestAlgorithmForProof",
        "canonical": "canonicalisationAlgorithmForProof",
    },
):
    """One `idProofConf`: the same number as the `idSignConf` whose certificate signs the proof."""

    id: int
    description: str
    packaging: Literal["ENVELOPED"] = "ENVELOPED"
    digest: Literal["SHA256"] = "SHA256"
    canonical: str = _EXCLUSIVE
    dn: str


class Conf(
    _View,
    frozen=True,
    kw_only=True,
    rename={"verification": "signatureVerification", "certificate": "certificatVerification"},
):
    """Every number that may be used."""

    signature: tuple[ConfSign, ...]
    verification: tuple[ConfVerifSign, ...]
    certificate: tuple[ConfVerifCert, ...]
    proof: tuple[ConfProof, ...]


def signature_report(signed: bytes, place: Place) -> Stream:
    """The answer to a signature."""
    answer = Base64Answer(place)
    return answer.write(ESignSanteSignatureReport(errors=(), signed=answer.put(signed)))


def signature_report_with_proof(outcome: Outcome, place: Place) -> Stream:
    """The answer to a signature with proof."""
    answer = Base64Answer(place)
    return answer.write(
        ESignSanteSignatureReportWithProof(
            errors=_errors(outcome),
            facts=_facts(outcome, answer),
            valid=outcome.valid,
            signed=answer.put(outcome.signed),
            proof=answer.put(outcome.proof),
        )
    )


def validation_report(outcome: Outcome, place: Place) -> Stream:
    """The answer to a validation."""
    answer = Base64Answer(place)
    return answer.write(ESignSanteValidationReport(errors=_errors(outcome), facts=_facts(outcome, answer), valid=outcome.valid))


def validation_report_with_proof(outcome: Outcome, place: Place) -> Stream:
    """The answer to a validation with proof."""
    answer = Base64Answer(place)
    return answer.write(
        ESignSanteValidationReportWithProof(
            errors=_errors(outcome), facts=_facts(outcome, answer), valid=outcome.valid, proof=answer.put(outcome.proof)
        )
    )


def conf_of(numbered: Sequence[Numbered], verifications: Sequence[int]) -> Conf:
    """The numbers of a workstation."""
    return Conf(
        signature=tuple(
            ConfSign(
                id=one.id,
                proof=one.id,
                description=_packaging(one),
                packaging=one.packaging,
                digest=one.digest,
                canonical=one.canonicalisation,
                dn=one.dn,
            )
            for one in numbered
        ),
        verification=tuple(
            ConfVerifSign(id=one, description="Toutes les règles.", rules=_told(tuple(Rule)), facts=_METADATA) for one in verifications
        ),
        certificate=tuple(
            ConfVerifCert(id=one, description="Toutes les règles d'un certificat.", rules=_told(RULES), facts=_METADATA[1:2])
            for one in verifications
        ),
        proof=tuple(ConfProof(id=one.id, description="Preuve signée par le certificat de la structure.", dn=one.dn) for one in numbered),
    )


def _packaging(one: Numbered) -> str:
    if one.packaging == "ENVELOPED":
        return f"Structure {one.structure} : signature enveloppée d'un document XML (jamais d'un CDA), ou d'un PDF."
    return f"Structure {one.structure} : signature enveloppante d'un document de tout type ; un PDF porte toujours la sienne."


def _told(rules: Sequence[Rule]) -> tuple[RuleTold, ...]:
    return tuple(RuleTold(id=str(one), description=_DESCRIBED[one]) for one in rules)


def _errors(outcome: Outcome) -> tuple[Erreur, ...]:
    return tuple(Erreur(code=code, message=sentence) for code, sentence in outcome.errors)


def _facts(outcome: Outcome, answer: Base64Answer) -> tuple[Metadata, ...]:
    facts: list[Metadata] = []
    if outcome.signing_time is not None:
        facts.append(Metadata(kind="DATE_SIGNATURE", message=signing_time(outcome.signing_time)))
    if outcome.signer is not None:
        facts.append(Metadata(kind="DN_CERTIFICAT", message=outcome.signer))
    if outcome.original is not None:
        facts.append(Metadata(kind="DOCUMENT_ORIGINAL_NON_SIGNE", message=answer.put(outcome.original)))
    return tuple(facts)
