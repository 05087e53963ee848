"""An answer of INSi, from bytes to values (insi.md 1.8, 3.1 to 3.4, 3.7).

Elements are found by namespace and name, in any order, under any prefix: the service does not always follow its own schema. Texts stay as
they came; the key of the active matricule is recomputed, or computed when the service gives none. Bounded: an answer of more than
256 kB, or one value of more than 500 characters, is no answer. Never guesses from the matricule a date, a sex or a place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from gateway.ins.answer import Answer, NationalIdentity, Verdict
from gateway.ins.error_table import error_of_fault
from gateway.ins.errors import InsiAuthorityRefused, InsiKeyWrong, InsiResultUnknown, InsiUnreadable
from gateway.ins.fault import is_fault, read_fault, text_of
from gateway.ins.identity import FormerIns
from gateway.kernel.errors import TransientFault
from gateway.model.patient import Ins, InsAuthorityUnknown, MatriculeKeyWrong, MatriculeMalformed, matricule_key
from gateway.wire.mtom import is_multipart, read_mtom
from gateway.wire.soap import SOAP, SOAP_1_1
from gateway.xml.errors import XmlMalformed
from gateway.xml.parse import parse

RESULT = "http://www.cnamts.fr/INSiResultat"
VERIFICATION_RESULT = "http://www.cnamts.fr/INSiLot2/REPUnitaire"
"""Namespace of the answers of WS_INS3, seen in a public client; their shape is reconstructed [R]."""
MAX_BYTES = 256_000

_MAX_TEXT = 500
_NUMBER = re.compile(r"[0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{6}")
_CODE = re.compile(r"[0-9A-Za-z_-]{1,8}")


def read_answer(
    data: bytes, content_type: str = "", *, environment: str, platform: str = "production", software: str = "", verification: bool = False
) -> Answer:
    """The result of a call. Raises InsiUnreadable, InsiKeyWrong, InsiAuthorityRefused, InsiResultUnknown, or what a fault stands for.

    `environment` is that of the box (production refuses test OIDs), `platform` that of the service. With `verification`, 00 needs no
    identity: it says that the INS and the traits go together.
    """
    content = _content(data, content_type)
    if is_fault(content):
        raise error_of_fault(read_fault(content), platform=platform, software=software)
    namespace, local = _named(content)
    if namespace not in ((RESULT, VERIFICATION_RESULT) if verification else (RESULT,)) or (namespace == RESULT and local != "RESULTAT"):
        raise InsiUnreadable("no result")
    code = _text(content, namespace, "CR", "CodeCR") or ""
    label = _text(content, namespace, "CR", "LibelleCR") or ""
    if code not in tuple(Verdict):
        raise _unknown(code, label)
    verdict = Verdict(code)
    if verdict is not Verdict.FOUND or verification:
        return Answer(verdict=verdict, label=label)
    person = _child(content, namespace, "INDIVIDU")
    if person is None:
        raise InsiUnreadable("00 without identity")
    return Answer(verdict=verdict, label=label, found=_identity(person, environment))


def _content(data: bytes, content_type: str) -> etree._Element:
    if len(data) > MAX_BYTES:
        raise InsiUnreadable("the answer is larger than the limit")
    try:
        root = parse(read_mtom(content_type, data)[0].data if is_multipart(content_type) else data, max_bytes=MAX_BYTES)
    except (XmlMalformed, TransientFault) as problem:
        raise InsiUnreadable(problem.code) from None
    for namespace in (SOAP, SOAP_1_1):
        if root.tag == f"{{{namespace}}}Envelope":
            content = root.find(f"{{{namespace}}}Body/{{*}}*")
            if content is not None:
                return content
            raise InsiUnreadable("empty body")
    raise InsiUnreadable("no envelope")


def _identity(person: etree._Element, environment: str) -> NationalIdentity:
    active = _child(person, RESULT, "INSACTIF")
    if active is None:
        raise InsiUnreadable("00 without INS")
    traits = _child(person, RESULT, "TIQ")
    return NationalIdentity(
        ins=_active(active, environment),
        former=tuple(_former(person)),
        birth_family_name=_text(traits, RESULT, "NomNaissance"),
        birth_given_names=_text(traits, RESULT, "ListePrenom"),
        first_given_name=_text(traits, RESULT, "Prenom"),
        sex=_text(traits, RESULT, "Sexe"),
        birth_date=_text(traits, RESULT, "DateNaissance"),
        birth_place=_text(traits, RESULT, "LieuNaissance"),
    )


def _active(block: etree._Element, environment: str) -> Ins:
    number = (_text(block, RESULT, "IdIndividu", "NumIdentifiant") or "").upper()
    if not _NUMBER.fullmatch(number):
        raise InsiKeyWrong("no matricule")
    key = _text(block, RESULT, "IdIndividu", "Cle") or matricule_key(number)
    try:
        ins = Ins.checked(number + key, _text(block, RESULT, "OID") or "")
        ins.check_environment(environment)
    except (MatriculeKeyWrong, MatriculeMalformed) as problem:
        raise InsiKeyWrong(problem.code) from None
    except InsAuthorityUnknown:
        raise InsiAuthorityRefused("oid") from None
    return ins


def _former(person: etree._Element) -> Iterator[FormerIns]:
    for block in person.iterfind(f"{{{RESULT}}}INSHISTO"):
        number, key = _text(block, RESULT, "IdIndividu", "NumIdentifiant"), _text(block, RESULT, "IdIndividu", "Cle")
        if number:
            yield FormerIns(
                matricule=number + (key or ""),
                oid=_text(block, RESULT, "OID") or "",
                start=_text(block, RESULT, "DateDeb"),
                end=_text(block, RESULT, "DateFin"),
                key_valid=_NUMBER.fullmatch(number.upper()) is not None and key in (None, matricule_key(number.upper())),
            )


def _unknown(code: str, label: str) -> InsiResultUnknown | InsiUnreadable:
    if not _CODE.fullmatch(code):
        return InsiUnreadable("no result code")
    error = InsiResultUnknown(f"CR {code}", result=code)
    error.label = label[:200]
    return error


def _child(parent: etree._Element, namespace: str, name: str) -> etree._Element | None:
    return parent.find(f"{{{namespace}}}{name}")


def _text(parent: etree._Element | None, namespace: str, *names: str) -> str | None:
    """The text at the end of a path of names, None when there is none or it is blank."""
    found = None if parent is None else parent.find("/".join(f"{{{namespace}}}{name}" for name in names))
    text = text_of(found)
    if len(text) > _MAX_TEXT:
        raise InsiUnreadable("a value is longer than the limit")
    return text or None


def _named(element: etree._Element) -> tuple[str, str]:
    name = etree.QName(element)
    return name.namespace or "", name.localname
