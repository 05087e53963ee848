"""The routes of esignsante as vendors read them, in the same table as the others. Source: cda_signing.md 4.2."""

from __future__ import annotations

from gateway.api.esignsante import BASE, NOT_OFFERED
from gateway.api.esignsante_form import NAME_PATTERN, NUMBER_PATTERN, TAG_PATTERN, TOKEN_HEADER
from gateway.api.operations import Answer, Operation, Parameter, Part

_TAG = "esignsante"


def _text(name: str, pattern: str, what: str, *, optional: bool = False) -> Part:
    return Part(name=name, text={"type": "string", "pattern": pattern}, optional=optional, what=what)


_FILE = Part(name="file", what="Le fichier.")
_SECRET = _text("secret", r"^[a-zA-Z_0-9\-]*$", "Le jeton du poste, quand « Authorization » ne peut pas être envoyé.", optional=True)
_SIGNERS = Part(
    name="signers",
    text={"type": "array", "maxItems": 10, "items": {"type": "string"}},
    optional=True,
    what="Rôles déclarés (XAdES) ou raison (PAdES), répétés ou séparés par des virgules ; sans effet en XMLDSig.",
)
_SIGN = _text("idSignConf", NUMBER_PATTERN, "Numéro de la structure et de la forme de signature.")
_VERIFY = _text("idVerifSignConf", NUMBER_PATTERN, "Numéro du jeu de règles.")
_VERIFY_CERTIFICATE = _text("idVerifCertConf", NUMBER_PATTERN, "Numéro du jeu de règles.")
_PROOF = _text("idProofConf", NUMBER_PATTERN, "Numéro de la structure dont le certificat signe la preuve.")
_PROVEN = (
    _text("requestId", TAG_PATTERN, "Recopié dans la preuve."),
    _text("proofTag", TAG_PATTERN, "Recopié dans la preuve."),
    _text("applicantId", NAME_PATTERN, "Recopié dans la preuve."),
)
_TOKENS = Parameter(
    name=TOKEN_HEADER,
    place="header",
    schema={"type": "string"},
    what="Base64 de {accessToken, introspectionResponse, userInfo} ; répétable, ou séparés par des virgules. Recopiés dans la preuve.",
)
_REFUSALS = (400, 401, 404, 408, 413, 415, 429, 501, 503)


def _form(path: str, name: str, summary: str, answer: str, *parts: Part, proof: bool = False) -> Operation:
    return Operation(
        base=BASE,
        method="post",
        path=path,
        name=name,
        tag=_TAG,
        summary=summary,
        parameters=(_TOKENS,) if proof else (),
        form=(_FILE, _SECRET, *parts, *(_PROVEN if proof else ())),
        open_form=True,
        answers={200: Answer(what="Le rapport d'esignsante", schemas=(answer,))},
        refusals=_REFUSALS,
        anonymous=True,
    )


def _lists(path: str, name: str, summary: str, answer: Answer) -> Operation:
    return Operation(
        base=BASE,
        method="get",
        path=path,
        name=name,
        tag=_TAG,
        summary=summary,
        answers={200: answer},
        refusals=(400, 401, 429, 503),
    )


def _forms(word: str, name: str, said: str) -> tuple[Operation, ...]:
    """The four routes of a form: `word` in the path, `name` in the operation, `said` in the summary."""
    return (
        _form(f"/signatures/{word}", f"esignsanteSign{name}", f"Signer en {said}", "ESignSanteSignatureReport", _SIGN, _SIGNERS),
        _form(
            f"/signatures/{word}withproof",
            f"esignsanteSign{name}WithProof",
            f"Signer en {said}, vérifier et prouver",
            "ESignSanteSignatureReportWithProof",
            *(_SIGN, _SIGNERS, _VERIFY),
            proof=True,
        ),
        _form(
            f"/validation/signatures/{word}",
            f"esignsanteVerify{name}",
            f"Vérifier une signature {said}",
            "ESignSanteValidationReport",
            _VERIFY,
        ),
        _form(
            f"/validation/signatures/{word}withproof",
            f"esignsanteVerify{name}WithProof",
            f"Vérifier une signature {said} et le prouver",
            "ESignSanteValidationReportWithProof",
            *(_VERIFY, _PROOF),
            proof=True,
        ),
    )


ESIGNSANTE_OPERATIONS = (
    _lists("", "esignsanteOperations", "Lister les opérations", Answer(what="Les chemins", listed=True)),
    _lists(
        "/configurations",
        "esignsanteConfigurations",
        "Lister les numéros que ce poste peut employer",
        Answer(what="Les configurations", schemas=("Conf",)),
    ),
    _lists("/ca", "esignsanteAuthorities", "Lister les autorités reconnues", Answer(what="Leurs noms", listed=True)),
    *_forms("xadesbaselineb", "", "XAdES"),
    *_forms("xmldsig", "Xmldsig", "XMLDSig"),
    *_forms("padesbaselineb", "Pades", "PAdES (PDF)"),
    _form(
        "/validation/certificats",
        "esignsanteVerifyCertificate",
        "Vérifier un certificat (DER ou PEM)",
        "ESignSanteValidationReport",
        _VERIFY_CERTIFICATE,
    ),
    _form(
        "/validation/certificatswithproof",
        "esignsanteVerifyCertificateWithProof",
        "Vérifier un certificat et le prouver",
        "ESignSanteValidationReportWithProof",
        *(_VERIFY_CERTIFICATE, _PROOF),
        proof=True,
    ),
    *(
        Operation(
            base=BASE,
            method="post",
            path=path,
            name="notOfferedSecrets",
            tag=_TAG,
            summary="N'existe pas dans Relais",
            answers={},
            refusals=(501,),
            anonymous=True,
        )
        for path in NOT_OFFERED
    ),
)
