"""What can be wrong with XML, whoever wrote it. No error here carries text of the document: it may be a patient's.

XmlMalformed (Refused)
├── XmlForbidden     a DOCTYPE, hence entities                      xml-doctype-forbidden
└── XmlTooLarge      bytes, elements, attributes or depth            xml-too-large, 413
XmlTextInvalid (Refused)   a character that XML 1.0 cannot carry     text-invalid
"""

from __future__ import annotations

from gateway.kernel.errors import Refused


class XmlMalformed(Refused):
    """Not well-formed XML 1.0, or in an encoding that is not accepted; `technical` holds line and column only."""

    code = "xml-malformed"
    title = "XML mal formé"
    what = "Le document XML est mal formé : il ne peut pas être lu."
    gesture = "Faites corriger l'export par l'éditeur du logiciel métier, puis renvoyez le document."


class XmlForbidden(XmlMalformed):
    """A DOCTYPE is present: refused before anything else is read (cda_signing.md section 5)."""

    code = "xml-doctype-forbidden"
    title = "Déclaration DOCTYPE interdite"
    what = "Le document XML contient une déclaration DOCTYPE, qui n'est jamais acceptée."
    gesture = "Faites retirer la déclaration DOCTYPE par l'éditeur du logiciel métier, puis renvoyez le document."


class XmlTooLarge(XmlMalformed):
    """More bytes, elements, attributes or levels than the limit; `facts` names which."""

    code = "xml-too-large"
    status = 413
    title = "Document XML trop volumineux"
    what = "Le document XML dépasse la limite acceptée ({limit})."
    gesture = "Réduisez la taille du document, puis renvoyez-le."

    def __init__(self, technical: str = "", *, limit: str = "taille", field: str | None = None) -> None:
        super().__init__(technical, field=field, limit=limit)


class XmlTextInvalid(Refused):
    """A text holds a character that XML 1.0 cannot carry (control character, lone surrogate, non-character)."""

    code = "text-invalid"
    title = "Caractère interdit"
    what = "Un texte contient un caractère qui ne peut pas être transmis."
    gesture = "Retirez les caractères invisibles du texte indiqué, puis renvoyez le document."
