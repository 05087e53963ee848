"""Answers of INSi written by hand for tests, in as many forms as the service has been seen to use (insi.md 1.8, 3.7). Invented people."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

SOAP = "http://www.w3.org/2003/05/soap-envelope"
RESULT = "http://www.cnamts.fr/INSiResultat"
NIR = "1.2.250.1.213.1.4.8"


@dataclass(frozen=True)
class Style:
    """How an answer is written: prefixes (empty for a default namespace), blanks, order of the blocks."""

    envelope: str = "soap"
    body: str = "S"
    result: str = ""
    indent: str = ""
    shuffle: random.Random | None = None

    @classmethod
    def random(cls, seed: int) -> Style:
        dice = random.Random(seed)
        prefixes = [dice.choice(("soap", "env", "S", "ns1", "SOAP-ENV")) for _ in range(2)]
        return cls(prefixes[0], prefixes[1], dice.choice(("", "ns2", "r")), dice.choice(("", "\n  ", "\r\n\t")), dice)


@dataclass(frozen=True)
class Number:
    """One INS: active or former."""

    number: str
    key: str | None = None
    oid: str = NIR
    start: str | None = None
    end: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Person:
    """What INDIVIDU holds."""

    active: Number
    former: tuple[Number, ...] = ()
    traits: dict[str, str] = field(
        default_factory=lambda: {
            "NomNaissance": "ADRUN",
            "ListePrenom": "ZOE",
            "Sexe": "F",
            "DateNaissance": "1975-12-31",
            "LieuNaissance": "63220",
        }
    )


ADRUN = Person(Number("2751263220749", "74"))


def result(code: str = "00", label: str = "OK", person: Person | None = None, style: Style | None = None) -> bytes:
    """A whole answer; `person` goes with 00."""
    style = style or Style()
    blocks = [_tag("CR", style, _tag("CodeCR", style, code) + _tag("LibelleCR", style, label))]
    if person is not None:
        parts = [_number("INSACTIF", person.active, style), *(_number("INSHISTO", one, style) for one in person.former)]
        parts.append(_tag("TIQ", style, "".join(_shuffled([_tag(name, style, text) for name, text in person.traits.items()], style))))
        blocks.append(_tag("INDIVIDU", style, "".join(_shuffled(parts, style))))
    name = f"{style.result}:RESULTAT" if style.result else "RESULTAT"
    declared = f"xmlns:{style.result}" if style.result else "xmlns"
    whole = f'<{name} {declared}="{RESULT}">{"".join(_shuffled(blocks, style))}</{name}>'
    return envelope(whole, style)


def envelope(content: str, style: Style | None = None) -> bytes:
    """A SOAP 1.2 envelope around a content."""
    style = style or Style()
    body = f'<{style.body}:Body xmlns:{style.body}="{SOAP}">{style.indent}{content}</{style.body}:Body>'
    whole = f'<{style.envelope}:Envelope xmlns:{style.envelope}="{SOAP}">{style.indent}{body}</{style.envelope}:Envelope>'
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + whole.encode()


def old_fault(siram: str, code: str, severity: str, text: str, message_id: str, *, side: str = "Receiver") -> bytes:
    """A fault as in 2022: prefix S, English, `fatal`, severity first, lines cut in the text for people."""
    written = "fatal" if severity == "fatale" else severity
    detail = f'<siram:Erreur severite="{written}" code="{code}" messageID="{message_id}" xmlns:siram="urn:siram">{text}</siram:Erreur>'
    fault = (
        f'<S:Fault xmlns:ns4="http://schemas.xmlsoap.org/soap/envelope/"><S:Code><S:Value>S:{side}</S:Value><S:Subcode><S:Value>'
        f'S:{siram}</S:Value></S:Subcode></S:Code><S:Reason><S:Text xml:lang="en">Le service est temporairement inaccessible.\n'
        f"Veuillez patienter.</S:Text></S:Reason><S:Detail>{detail}</S:Detail></S:Fault>"
    )
    return f'<soap:Envelope xmlns:soap="{SOAP}"><env:Body xmlns:S="{SOAP}" xmlns:env="{SOAP}">{fault}</env:Body></soap:Envelope>'.encode()


def new_fault(siram: str, code: str, severity: str, text: str, message_id: str, *, side: str = "Sender") -> bytes:
    """A fault as in 2025: prefix soap, French, code first."""
    detail = f'<siram:Erreur code="{code}" messageID="{message_id}" severite="{severity}" xmlns:siram="urn:siram">{text}</siram:Erreur>'
    fault = (
        f"<soap:Fault><soap:Code><soap:Value>soap:{side}</soap:Value><soap:Subcode><soap:Value>soap:{siram}</soap:Value></soap:Subcode>"
        f'</soap:Code><soap:Reason><soap:Text xml:lang="fr">Le service est temporairement inaccessible. Veuillez patienter.</soap:Text>'
        f"</soap:Reason><soap:Detail>{detail}</soap:Detail></soap:Fault>"
    )
    return f'<soap:Envelope xmlns:soap="{SOAP}"><env:Body xmlns:env="{SOAP}">{fault}</env:Body></soap:Envelope>'.encode()


def _number(name: str, one: Number, style: Style) -> str:
    inner = [("NumIdentifiant", one.number), ("Cle", one.key), ("TypeMatricule", one.kind)]
    identifier = _tag("IdIndividu", style, "".join(_shuffled([_tag(tag, style, text) for tag, text in inner if text is not None], style)))
    rest = [("OID", one.oid), ("DateDeb", one.start), ("DateFin", one.end)]
    parts = [identifier, *(_tag(tag, style, text) for tag, text in rest if text is not None)]
    return _tag(name, style, "".join(_shuffled(parts, style)))


def _tag(name: str, style: Style, content: str) -> str:
    full = f"{style.result}:{name}" if style.result else name
    return f"{style.indent}<{full}>{content}</{full}>"


def _shuffled(parts: list[str], style: Style) -> list[str]:
    return style.shuffle.sample(parts, len(parts)) if style.shuffle is not None else parts
