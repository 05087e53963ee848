"""What the installer fills in: relais.toml of the first partition. The settings of the box, and `[first_boot]`, which serves once.

Read whole, every fault told. Source: image.md 8 (recommendation 1).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from typing_extensions import override

from gateway.kernel.config import Configuration
from gateway.trust.boxkey_custody import LEAST_PASSPHRASE
from gateway.trust.roles import Role
from provisioning.first_boot.faults import Fault, faults_in, placed, syntax_fault
from provisioning.first_boot.national_ids import identifier_fault

TABLE = "first_boot"
LEAST_CODE = 20
_ADDRESS = r"^[0-9A-Fa-f.:]{2,45}(/[0-9]{1,3})?(?![\s\S])"
_SERVER = r"^[0-9A-Za-z.:-]{1,253}(?![\s\S])"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class CertificateFile(_Part, frozen=True, kw_only=True):
    """A PKCS#12 file beside the sheet."""

    structure: str | None = None
    """Left out where the box has one."""
    role: Role
    file: str
    passphrase: str = ""
    """Asked for at the terminal when left out, unless nobody is there."""

    @override
    def __repr__(self) -> str:
        return f"CertificateFile({self.role})"


class Network(_Part, frozen=True, kw_only=True):
    """A fixed address; DHCP when left out."""

    address: Annotated[str, msgspec.Meta(pattern=_ADDRESS)]
    """With its length: 192.168.1.20/24."""
    gateway: Annotated[str, msgspec.Meta(pattern=_ADDRESS)]
    dns: tuple[Annotated[str, msgspec.Meta(pattern=_ADDRESS)], ...] = ()


class FirstBoot(_Part, frozen=True, kw_only=True):
    """What serves once."""

    anchors: str
    """PEM file of the authorities of the national services, beside the sheet."""
    homologation: str = ""
    operator_code: str = ""
    """The operator's access; made by the box and shown once at its console when left out."""
    box_key: Literal["file", "passphrase", "tpm"] = "file"
    passphrase: str = ""
    """Of the box key, or of its recovery copy for a TPM."""
    certificates: tuple[CertificateFile, ...] = ()
    check_keys: bool = True
    """Check the keys of FINESS and SIRET numbers."""
    network: Network | None = None
    time_servers: tuple[Annotated[str, msgspec.Meta(pattern=_SERVER)], ...] = ()
    first_document: bool = False
    """Send a document of the national test identity: test environment only."""

    @override
    def __repr__(self) -> str:
        return "FirstBoot(…)"


class Whole(Configuration, frozen=True, kw_only=True):
    """The file."""

    first_boot: FirstBoot


def read_sheet(text: str) -> Whole | list[Fault]:
    """The sheet, or everything that is wrong with it, in the order of its lines."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        return [syntax_fault(str(problem))]
    faults = placed(_all_faults(data), text)
    return faults or msgspec.convert(data, Whole)


def _all_faults(data: dict[str, Any]) -> Iterator[Fault]:
    found = list(faults_in(data, Whole))
    yield from found
    if not found:
        yield from _meaning_faults(msgspec.convert(data, Whole))


def _meaning_faults(sheet: Whole) -> Iterator[Fault]:
    first = sheet.first_boot
    if not sheet.structures:
        yield Fault(place=("structures",), what="il faut au moins une structure")
    for rank, one in enumerate(sheet.structures):
        wrong = identifier_fault(one.id) if first.check_keys else None
        if wrong is not None:
            yield Fault(place=("structures", rank, "id"), what=wrong)
    known = {one.id for one in sheet.structures}
    for rank, wanted in enumerate(first.certificates):
        place = (TABLE, "certificates", rank, "structure")
        if wanted.structure is None and len(known) > 1:
            yield Fault(place=place[:-1], what="il manque « structure » : le boîtier en a plusieurs")
        elif wanted.structure is not None and wanted.structure not in known:
            yield Fault(place=place, what="n'est pas une structure de ce fichier")
    if first.operator_code and len(first.operator_code) < LEAST_CODE:
        yield Fault(place=(TABLE, "operator_code"), what=f"doit avoir au moins {LEAST_CODE} caractères")
    if first.passphrase and len(first.passphrase) < LEAST_PASSPHRASE:
        yield Fault(place=(TABLE, "passphrase"), what=f"doit avoir au moins {LEAST_PASSPHRASE} caractères")
    if first.first_document and sheet.environment != "test":
        yield Fault(place=(TABLE, "first_document"), what="n'est possible qu'en environnement de test")
