"""Addresses of the health mail space: their syntax, their comparison, and the one a patient gets from a qualified INS.

Never asks a directory nor a white list: an address is opaque but for its form. Source: mssante.md 1.4 (ASCII local parts, compared
without case) and 3 (`<matricule>@patient.mssante.fr`, from a qualified INS only: ECO.2.2.6).
"""

from __future__ import annotations

import re

from gateway.kernel.errors import Held, Refused
from gateway.model.document import Subject
from gateway.model.patient import Ins

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})+")
_CITIZENS = "patient"
_LONGEST, _LONGEST_LOCAL = 254, 64


class MailboxInvalid(Refused):
    """Not the address of a mailbox: ASCII, one `@`, a domain of at least two labels, no control character."""

    code = "mailbox-invalid"
    title = "Adresse de messagerie mal formée"
    who = "le secrétariat"
    what = "Une adresse de messagerie sécurisée est mal formée."
    gesture = "Corrigez l'adresse du destinataire dans le logiciel métier, puis renvoyez le document."


class PatientAddressTyped(Refused):
    """A patient's mailbox given by hand: it would escape the check of the INS (design, rule 1)."""

    code = "patient-address-typed"
    title = "Adresse de patient parmi les professionnels"
    who = "le secrétariat"
    what = "L'adresse d'un patient ne se saisit pas : Relais la construit à partir de son INS qualifiée."
    gesture = "Retirez cette adresse et demandez l'envoi au patient avec l'option prévue pour cela."


class UnqualifiedPatientAddress(Held):
    """The INS is not qualified: the patient has no address yet (ECO.2.2.6)."""

    code = "identity-not-qualified"
    what = "L'identité du patient n'est pas encore qualifiée : rien ne peut partir vers sa messagerie."
    gesture = "Vérifiez une pièce d'identité et qualifiez l'INS du patient dans le logiciel métier : l'envoi partira tout seul."


def check_mailbox(address: str, *, field: str) -> None:
    """The address of a professional or a structure; raises MailboxInvalid or PatientAddressTyped with that `field`.

    Spaces around it are ignored; a domain beginning with `patient.` is a citizens' one, whatever the environment.
    """
    if domain_of(normal_mailbox(address, field=field)).split(".")[0] == _CITIZENS:
        raise PatientAddressTyped(field=field)


def normal_mailbox(address: str, *, field: str = "address") -> str:
    """The form in which addresses are compared and sent: no space around, lower case, ASCII. Raises MailboxInvalid."""
    text = address.strip(" \t")
    if len(text) > _LONGEST or text.find("@") > _LONGEST_LOCAL or not _MAILBOX.fullmatch(text):
        raise MailboxInvalid(field=field)
    return text.lower()


def same_mailbox(one: str, other: str) -> bool:
    """True when both name the same mailbox (no case, no space around); False when either is malformed."""
    try:
        return normal_mailbox(one) == normal_mailbox(other)
    except MailboxInvalid:
        return False


def domain_of(address: str) -> str:
    """The domain, lower case."""
    return address.rpartition("@")[2].strip(" \t").lower()


def is_patient_mailbox(address: str, patient_domain: str) -> bool:
    """True for an address of the citizens' domain of this box (`Mss.patient_domain`)."""
    return domain_of(address) == patient_domain.lower()


def patient_mailbox(subject: Subject, patient_domain: str) -> str:
    """`<matricule>@<patient_domain>` of this very person, a child included: never a parent's.

    Raises UnqualifiedPatientAddress, or the refusals of Ins.checked: the key is recomputed here too.
    """
    if not subject.qualified or subject.ins is None:
        raise UnqualifiedPatientAddress
    matricule = Ins.checked(subject.ins.matricule, subject.ins.oid).matricule
    return f"{matricule}@{patient_domain}"
