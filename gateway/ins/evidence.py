"""Kinds of evidence that validate an identity: high-confidence documents, their exceptions, and the well-known patient (insi.md 4.5).

The list is the structure's own (EXI ID 19); nothing is ever chosen by default. A Vitale card, a driving licence or a health record are no
evidence and are not here. Two-letter codes are those of FR Core's code system of validation modes (hl7.fhir.fr.core,
FRCoreCodeSystemIdentityModeValidation); which of them qualify is read from the dossier: CC, CE, CM and PC do not. The dossier lacks the
rule for children in care (ASE): no kind stands for it.
"""

from __future__ import annotations

import msgspec

from gateway.kernel.errors import Refused

WELL_KNOWN = "CONNU"
SOFTWARE_WORD = "LOGICIEL"
"""Kind of a check that a cabinet software asserts: which document was seen is known there only."""
ATTESTATION = (
    "J'atteste déjà connaître l'identité de cette personne et sa correspondance aux traits d'identité INSi. "
    "Cela me permet de partager ses données en toute sécurité"
)
"""Imposed sentence of the exceptional procedure (ANS, information page for city doctors)."""


class EvidenceUnknown(Refused):
    """The kind is not one that validates an identity, or the structure does not admit it."""

    code = "evidence-unknown"
    title = "Justificatif non admis"
    who = "le secrétariat"
    what = "Ce justificatif ne permet pas de valider une identité dans cette structure."
    gesture = "Choisissez un des justificatifs proposés. La carte Vitale et le permis de conduire n'en sont pas."


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of evidence. `exceptional`: bound to a professional in person, with its imposed sentence."""

    code: str
    label: str
    exceptional: bool = False
    sentence: str | None = None


_KINDS = (
    Evidence(code="CN", label="Carte nationale d'identité (France, Union européenne, pays assimilés)"),
    Evidence(code="PA", label="Passeport"),
    Evidence(code="CS", label="Titre de séjour"),
    Evidence(code="IE", label="Identité numérique (France Identité, La Poste, application carte Vitale)"),
    Evidence(code="TC", label="Tiers de confiance lié par contrat à la structure"),
    Evidence(code="AN", label="Mineur : extrait d'acte de naissance, avec la pièce d'identité d'un parent ou du tuteur"),
    Evidence(code="LE", label="Mineur : livret de famille, avec la pièce d'identité d'un parent ou du tuteur"),
    Evidence(code="DC", label="Mineur étranger : document de circulation avec photographie"),
    Evidence(code="AC", label="Entrée directe en EHPAD : livret de famille ou acte de naissance, et carte Vitale avec photographie"),
    Evidence(code=WELL_KNOWN, label="Patient déjà bien connu du professionnel", exceptional=True, sentence=ATTESTATION),
)
_BY_CODE = {one.code: one for one in _KINDS}


def admitted_kinds(admitted: tuple[str, ...]) -> tuple[Evidence, ...]:
    """The kinds the structure admits, all of them when it names none; the exceptional procedure last."""
    return tuple(one for one in _KINDS if not admitted or one.code in admitted)


def evidence(code: str, admitted: tuple[str, ...] = ()) -> Evidence:
    """The kind of this code; raises EvidenceUnknown."""
    found = next((one for one in admitted_kinds(admitted) if one.code == code), None)
    if found is None:
        raise EvidenceUnknown(field="evidence")
    return found


def label_of(code: str) -> str:
    """How people call a kind, whatever the structure admits today; the code itself for one nobody knows any more."""
    if code == SOFTWARE_WORD:
        return "Contrôle déclaré par le logiciel métier"
    return _BY_CODE[code].label if code in _BY_CODE else code


def attests(text: str) -> bool:
    """True when the imposed sentence is there word for word; kind of apostrophe, spacing and a full stop at the end do not count."""
    return " ".join(text.replace("’", "'").split()).removesuffix(".").rstrip() == ATTESTATION
