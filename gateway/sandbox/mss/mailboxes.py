"""Who may receive and who may send: the simulated trust space, its domains and its mailboxes.

Never tells a real address: every domain is the sandbox's. Sources: mssante.md 1.4, 1.5 (kinds of mailboxes, trust space) and 3 (patients).
"""

from __future__ import annotations

from typing import Final

from gateway.sandbox.ins_matricule import is_matricule

SPACE: Final = "sandbox.mssante.fr"
PATIENT_DOMAIN: Final = f"patient.{SPACE}"
UNKNOWN_PREFIX: Final = "inconnu"
"""Local parts beginning so have no mailbox: a vendor's way to see a refusal."""


def domain_of(address: str) -> str:
    """Domain of an address, lower case."""
    return address.rpartition("@")[2].lower()


def is_patient(address: str) -> bool:
    """True for an address of the citizens' domain."""
    return domain_of(address) == PATIENT_DOMAIN


def matricule_of(address: str) -> str | None:
    """The matricule of a patient's address when its key is right, else None."""
    local = address.rpartition("@")[0].upper()
    return local if is_patient(address) and is_matricule(local) else None


def in_trust_space(address: str) -> bool:
    """True when the domain is one of the sandbox's."""
    domain = domain_of(address)
    return domain == SPACE or domain.endswith(f".{SPACE}")


def is_professional_mailbox(address: str) -> bool:
    """True for an address of the space that is not a patient's and has a mailbox: any but `inconnu...`."""
    local = address.rpartition("@")[0].lower()
    return in_trust_space(address) and not is_patient(address) and bool(local) and not local.startswith(UNKNOWN_PREFIX)
