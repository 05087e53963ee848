"""What is said when a code is not in the national tables.

UnknownCode
├── UnknownDocumentType      document.type is not in JDV_J07
├── UnknownDocumentClass     not in TRE_A03
├── UnknownDocumentFormat    neither in JDV_J60 nor in ASS_A11
├── UnsupportedMediaType     not one of the five media of a CDA N1
├── UnknownAuthorSpecialty   not in JDV_J01
├── UnknownFunction          not in JDV_J47
├── UnknownProfession        not in TRE_G15
├── UnknownSavoirFaire       not an SMxx code
├── UnknownFacilityType      not in JDV_J02
├── UnknownPracticeSetting   not in JDV_J04
├── UnknownConfidentiality   not N, R or V
├── UnknownVisibility        not one of the three masking codes
└── UnknownContentType       not a contentTypeCode
TypeWithoutClass             known type that the national table leaves without a class

The refused value is never repeated: a caller may have put anything there.
"""

from __future__ import annotations

from gateway.kernel.errors import Refused


class UnknownCode(Refused):
    """A code is absent from its national table; `field` names where it was given when the caller knows."""

    code = "code-unknown"
    title = "Code inconnu"
    what = "Un code donné n'existe pas dans les nomenclatures nationales."
    gesture = "Corrigez le code dans le logiciel métier, puis renvoyez la demande."


class UnknownDocumentType(UnknownCode):
    """The document type is not in JDV_J07, or not in the coding system given with it."""

    code = "document-type-unknown"
    title = "Type de document inconnu"
    what = "Le type de document indiqué n'existe pas dans la nomenclature nationale."
    gesture = "Choisissez un type de la liste nationale (par exemple 57833-6 pour une ordonnance), puis renvoyez le document."


class TypeWithoutClass(Refused):
    """The document type exists, but no class goes with it: neither the DMP nor MSSanté can receive it."""

    code = "document-type-without-class"
    title = "Type de document sans classe"
    what = "Le type « {label} » existe, mais la nomenclature nationale ne lui donne pas encore de classe : il ne peut pas être envoyé."
    gesture = (
        "Choisissez un type voisin, par exemple « Synthèse » ou « CR ou fiche de consultation ou de visite », puis renvoyez le document."
    )


class UnknownDocumentClass(UnknownCode):
    """The class is not in TRE_A03."""

    code = "document-class-unknown"
    what = "La classe de document indiquée n'existe pas dans la nomenclature nationale."


class UnknownDocumentFormat(UnknownCode):
    """The format is neither in JDV_J60 nor in ASS_A11."""

    code = "document-format-unknown"
    what = "Le format de document indiqué n'existe pas dans la nomenclature nationale."


class UnsupportedMediaType(UnknownCode):
    """The media type is not one that an unstructured CDA may carry."""

    code = "media-type-unsupported"
    status = 415
    title = "Type de fichier non accepté"
    what = "Ce type de fichier ne peut pas être placé dans un document de santé."
    gesture = "Envoyez un PDF (ou un texte, un RTF, une image JPEG ou TIFF dans un document CDA)."


class UnknownAuthorSpecialty(UnknownCode):
    """The profession and specialty code is not in JDV_J01."""

    code = "author-specialty-unknown"
    what = "La profession ou la spécialité de l'auteur n'existe pas dans la nomenclature nationale."


class UnknownFunction(UnknownCode):
    """The participation function is not in JDV_J47."""

    code = "function-unknown"
    what = "Le rôle indiqué pour un intervenant n'existe pas dans la nomenclature nationale."


class UnknownProfession(UnknownCode):
    """The profession is not in TRE_G15."""

    code = "profession-unknown"
    what = "La profession indiquée n'existe pas dans la nomenclature nationale."


class UnknownSavoirFaire(UnknownCode):
    """The qualification is not an SMxx code of the national table."""

    code = "savoir-faire-unknown"
    what = "Le savoir-faire indiqué pour le médecin n'existe pas dans la nomenclature nationale."


class UnknownFacilityType(UnknownCode):
    """The type of structure is not in JDV_J02."""

    code = "facility-type-unknown"
    what = "Le type de structure indiqué n'existe pas dans la nomenclature nationale."


class UnknownPracticeSetting(UnknownCode):
    """The practice setting is not in JDV_J04."""

    code = "practice-setting-unknown"
    what = "Le cadre d'exercice indiqué n'existe pas dans la nomenclature nationale."


class UnknownConfidentiality(UnknownCode):
    """The confidentiality is not N, R or V."""

    code = "confidentiality-unknown"
    what = "Le niveau de confidentialité indiqué n'existe pas : il vaut N, R ou V."


class UnknownVisibility(UnknownCode):
    """The visibility is not one of the three national masking codes."""

    code = "visibility-unknown"
    what = "Le masquage demandé n'existe pas dans la nomenclature nationale."


class UnknownContentType(UnknownCode):
    """The nature of a lot is not in the contentTypeCode table."""

    code = "content-type-unknown"
    what = "La nature de l'envoi indiquée n'existe pas dans la nomenclature nationale."
