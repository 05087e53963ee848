"""What the simulated INSi answers, in the many ways the national service has written it (insi.md 1.8, 3.1, 3.7).

Prefixes, the place of dates and what the history repeats change from one answer to the next by a seed; what is meant does not.
"""

from __future__ import annotations

import random
from xml.sax.saxutils import escape, quoteattr

from gateway.sandbox.exchange import Answer
from gateway.sandbox.insi.people import Person, key_of
from gateway.sandbox.insi.refusals import Fault

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_RESULT = "http://www.cnamts.fr/INSiResultat"
_UNIT = "http://www.cnamts.fr/INSiLot2/REPUnitaire"
_TYPE = "application/soap+xml;charset=utf-8"
_LABELS = {"00": "OK", "01": "Aucune identite trouvee", "02": "Plusieurs identites trouvees"}


class Pen:
    """Writes answers; `seed` chooses the prefixes, `first_names` the profile of 2021 which still sent the first given name."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - variety, not secrecy
        self.first_names = False
        self.old_faults = False

    def result(self, code: str, found: Person | None, *, wrong_key: bool = False, verification: bool = False) -> Answer:
        """A business result, HTTP 200."""
        label = _LABELS.get(code, "Resultat inconnu")
        prefix = self._chance.choice(("", "ns2:"))
        namespace = _UNIT if verification else _RESULT
        declared = f' xmlns{":ns2" if prefix else ""}="{namespace}"'
        individual = self._individual(found, prefix, wrong_key=wrong_key) if found is not None else ""
        cr = f"<{prefix}CR><{prefix}CodeCR>{code}</{prefix}CodeCR><{prefix}LibelleCR>{label}</{prefix}LibelleCR></{prefix}CR>"
        return self._wrapped(f"<{prefix}RESULTAT{declared}>{cr}{individual}</{prefix}RESULTAT>", 200)

    def fault(self, fault: Fault, message_id: str) -> Answer:
        """A fault, HTTP 500 whoever is to blame."""
        old = self.old_faults
        soap, language = ("S", "en") if old else ("soap", "fr")
        severity = quoteattr(fault.severity)
        attributes = (
            f"severite={severity} code={quoteattr(fault.code)} messageID={quoteattr(message_id)}"
            if old
            else f"code={quoteattr(fault.code)} messageID={quoteattr(message_id)} severite={severity}"
        )
        blame = "Receiver" if fault.receiver else "Sender"
        body = (
            f"<{soap}:Fault><{soap}:Code><{soap}:Value>{soap}:{blame}</{soap}:Value><{soap}:Subcode><{soap}:Value>{soap}:{fault.siram}"
            f"</{soap}:Value></{soap}:Subcode></{soap}:Code><{soap}:Reason><{soap}:Text xml:lang={quoteattr(language)}>"
            f"{escape(fault.reason)}</{soap}:Text></{soap}:Reason><{soap}:Detail>"
            f'<siram:Erreur xmlns:siram="urn:siram" {attributes}>{escape(fault.text)}</siram:Erreur></{soap}:Detail></{soap}:Fault>'
        )
        text = f'<{soap}:Envelope xmlns:{soap}="{_SOAP}"><{soap}:Body>{body}</{soap}:Body></{soap}:Envelope>'
        return Answer(500, _TYPE, text.encode())

    def _individual(self, one: Person, p: str, *, wrong_key: bool) -> str:
        former = "".join(self._ins("INSHISTO", number, one.oid, p, dates=True) for number in self._history(one))
        active = self._ins("INSACTIF", one.number, one.oid, p, wrong_key=wrong_key)
        first = f"<{p}Prenom>{escape(one.birth_given_names.split()[0])}</{p}Prenom>" if self.first_names else ""
        traits = (
            f"<{p}TIQ><{p}NomNaissance>{escape(one.birth_family_name)}</{p}NomNaissance>{first}"
            f"<{p}ListePrenom>{escape(one.birth_given_names)}</{p}ListePrenom><{p}Sexe>{one.sex}</{p}Sexe>"
            f"<{p}DateNaissance>{one.birth_date}</{p}DateNaissance><{p}LieuNaissance>{one.birth_place}</{p}LieuNaissance></{p}TIQ>"
        )
        return f"<{p}INDIVIDU>{active}{former}{traits}</{p}INDIVIDU>"

    def _history(self, one: Person) -> tuple[str, ...]:
        """Former numbers; the active one at times among them (TEST_2.08_cas1)."""
        return (*one.former, one.number) if one.former and self._chance.random() < 0.5 else one.former

    def _ins(self, name: str, number: str, oid: str, p: str, *, wrong_key: bool = False, dates: bool = False) -> str:
        key = key_of(number)
        if wrong_key:
            key = f"{int(key) % 97 + 1:02d}"
        told = f"<{p}DateDeb>2019-03-01</{p}DateDeb><{p}DateFin>2019-02-28</{p}DateFin>" if dates else ""
        identifier = f"<{p}IdIndividu><{p}NumIdentifiant>{number}</{p}NumIdentifiant><{p}Cle>{key}</{p}Cle></{p}IdIndividu>"
        parts = [identifier, f"<{p}OID>{oid}</{p}OID>"]
        # At times before the number, which no schema allows (TEST_2.04_cas2).
        parts.insert(self._chance.choice((0, 2)) if dates else 2, told)
        return f"<{p}{name}>{''.join(parts)}</{p}{name}>"

    def _wrapped(self, body: str, status: int) -> Answer:
        outer, inner = self._chance.choice((("soap", "S"), ("env", "env"), ("S", "soap")))
        declared = f' xmlns:{inner}="{_SOAP}"' if inner != outer else ""
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<{outer}:Envelope xmlns:{outer}="{_SOAP}"><{inner}:Body{declared}>{body}'
            f"</{inner}:Body></{outer}:Envelope>"
        )
        return Answer(status, _TYPE, text.encode())
