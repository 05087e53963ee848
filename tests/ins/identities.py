"""Every identity RNIV allows, and invented people to try the engine on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import msgspec

from gateway.ins.answer import NationalIdentity
from gateway.ins.evidence import SOFTWARE_WORD
from gateway.ins.identity import Actor, Attribute, Check, FormerIns, Identity, Method, Recovery
from gateway.model.patient import Ins, Sex, Traits

OID = "1.2.250.1.213.1.4.8"
INS, OTHER_INS, OLD_INS = (Ins.checked(one, OID) for one in ("275126322074974", "297022A02077878", "160012B02077713"))

DOCTOR = Actor(kind="professional", id="899700366240")
SECRETARY = Actor(kind="secretary", id="accueil")
SOFTWARE = Actor(kind="workstation", id="poste-1")
BOX = Actor(kind="system", id="relais")
NAMELESS = Actor(kind="secretary", id=" ")
ACTORS = (DOCTOR, SECRETARY, SOFTWARE, BOX, NAMELESS)

ZOE = Traits(
    birth_family_name="ADRUN",
    birth_given_names="ZOE MARIE",
    first_birth_given_name="ZOE",
    sex=Sex.FEMALE,
    birth_date="1975-12-31",
    birth_place="63220",
)
NATIONAL_ZOE = NationalIdentity(
    ins=INS,
    former=(FormerIns(matricule=OLD_INS.matricule, oid=OID),),
    birth_family_name="ADRUN",
    birth_given_names="ZOE MARIE",
    sex="F",
    birth_date="1975-12-31",
    birth_place="63220",
)


def traits(**changes: object) -> Traits:
    """Zoé, but for what is said."""
    return msgspec.structs.replace(ZOE, **changes)


def national(**changes: object) -> NationalIdentity:
    """INSi's Zoé, but for what is said."""
    return msgspec.structs.replace(NATIONAL_ZOE, **changes)


def recovery(**changes: object) -> Recovery:
    """INSi asked by traits, by the secretary."""
    known = Recovery(ins=INS, method=Method.TRAITS, at=1, by=SECRETARY, former=NATIONAL_ZOE.former, exact=True)
    return msgspec.structs.replace(known, **changes)


def check(**changes: object) -> Check:
    """A passport seen by the secretary."""
    return msgspec.structs.replace(Check(kind="PA", at=2, by=SECRETARY), **changes)


def identity(**changes: object) -> Identity:
    """Zoé as PROV, but for what is said."""
    return msgspec.structs.replace(Identity(local_id="P-1", traits=ZOE), **changes)


RECOVERIES = (
    None,
    recovery(),
    recovery(method=Method.VITALE),
    recovery(method=Method.VITALE, exact=False),
    recovery(method=Method.MANUAL, asserted=True, by=SOFTWARE, former=(), exact=False),
)
CHECKS = (None, check(), check(kind=SOFTWARE_WORD, by=SOFTWARE, asserted=True))
FREE = (frozenset[Attribute](), frozenset({Attribute.HOMONYME}))
BARRED = (frozenset({Attribute.DOUTEUSE}), frozenset({Attribute.DOUTEUSE, Attribute.HOMONYME}), frozenset({Attribute.FICTIVE}))


def every_identity() -> Iterator[Identity]:
    """Four statuses, every provenance of their facts, every attribute set."""
    for known, seen, marks in product(RECOVERIES, CHECKS, FREE):
        yield identity(recovery=known, check=seen, attributes=marks)
    for marks in BARRED:
        yield identity(attributes=marks)
