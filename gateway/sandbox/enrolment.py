"""Certificates for vendors: the pair a structure enrols with, faulty ones to prove a refusal with, and revocation.

Never keeps the private keys it hands over. Serves `POST /enrol` and `POST /certificates` of the control service.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from gateway.sandbox.certificate_profiles import AUTH_CLI, INSI_AUTO, INSI_MANU, PROFILES, SIGN, LeafProfile
from gateway.sandbox.pki import IssuedCertificate, Pki
from gateway.sandbox.problems import BodyUnreadable, CertificateNotFound

StructId = Annotated[str, msgspec.Meta(pattern=r"^[0-9][0-9A-Z/]{3,30}$")]
Mailbox = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{3,190}$")]
Organisation = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Variant = Literal["valid", "expired", "near_expiry", "not_yet_valid", "foreign", "wrong_usage", "revoked"]


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /enrol: Struct_IdNat, name, and the applicative mailbox opened for the structure."""

    structure: StructId
    organisation: Organisation
    mailbox: Mailbox | None = None


class CertificateOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /certificates. `revoke`: by serial (hexadecimal) or by structure and role; `issue`: one, faulty on demand."""

    action: Literal["revoke", "issue"]
    serial: str | None = None
    structure: StructId | None = None
    role: str | None = None
    organisation: Organisation = "STRUCTURE DE TEST"
    common_name: Organisation | None = None
    """CN of an issued certificate; the one its role imposes, or the organisation, when not given."""
    variant: Variant = "valid"
    valid_seconds: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """How long an issued certificate lives from now on, to see one end; what its variant says when not given."""


class Enrolment:
    """Issues and revokes."""

    def __init__(self, pki: Pki, control_url: Callable[[], str]) -> None:
        """`control_url`: where the revocation list is published, as `/crl` (PEM) and `/crl.der`."""
        self._pki = pki
        self._control_url = control_url

    def enrol(self, request: EnrolRequest) -> dict[str, Any]:
        """New AUTH_CLI, SIGN, INSI-MANU and INSI-AUTO certificates as PKCS#12, with what a client needs to trust the sandbox."""
        return {
            "structure": request.structure,
            "organisation": request.organisation,
            "mailbox": request.mailbox,
            "auth_cli": self._packed(self._issue(AUTH_CLI, request.structure, request.organisation, "valid")),
            "sign": self._packed(self._issue(SIGN, request.structure, request.organisation, "valid")),
            "insi_manu": self._packed(self._issue(INSI_MANU, request.structure, request.organisation, "valid")),
            "insi_auto": self._packed(self._issue(INSI_AUTO, request.structure, request.organisation, "valid")),
            "ca": self._pki.root_pem.decode("ascii"),
            "chain": self._pki.chain_pem.decode("ascii"),
            "crl_url": f"{self._control_url()}/crl",
        }

    def order(self, order: CertificateOrder) -> dict[str, Any]:
        """Carry out an order. Raises BodyUnreadable, CertificateNotFound."""
        role = order.role.upper() if order.role else None
        if order.action == "revoke":
            return {"revoked": self._revoke(order, role)}
        profile = PROFILES.get(role or "")
        if profile is None or order.structure is None:
            raise BodyUnreadable("issue", field="role" if profile is None else "structure")
        if order.common_name is not None:
            profile = replace(profile, common_name=order.common_name)
        issued = self._issue(profile, order.structure, order.organisation, order.variant, order.valid_seconds)
        return {**self._packed(issued), "certificate": issued.cert_pem.decode("ascii")}

    def _revoke(self, order: CertificateOrder, role: str | None) -> list[str]:
        if order.serial is None and order.structure is None:
            raise BodyUnreadable("revoke", field="serial")
        try:
            serial = int(order.serial, 16) if order.serial else None
        except ValueError as error:
            raise BodyUnreadable("serial", field="serial") from error
        revoked = self._pki.revoke(serial=serial, structure=order.structure, role=role)
        if not revoked:
            raise CertificateNotFound("revoke")
        return revoked

    def _issue(
        self, profile: LeafProfile, structure: str, organisation: str, variant: Variant, seconds: int | None = None
    ) -> IssuedCertificate:
        start, end = _period(variant) if seconds is None else (None, datetime.now(UTC) + timedelta(seconds=seconds))
        issued = self._pki.issue(
            replace(profile, digital_signature=False, non_repudiation=False, key_encipherment=True)
            if variant == "wrong_usage"
            else profile,
            struct_id=structure,
            organisation=organisation,
            common_name=organisation,
            not_before=start,
            not_after=end,
            issuer="foreign" if variant == "foreign" else "organisations",
            revocation_url=f"{self._control_url()}/crl.der",
        )
        if variant == "revoked":
            self._pki.revoke(serial=issued.serial)
        return issued

    @staticmethod
    def _packed(issued: IssuedCertificate) -> dict[str, str]:
        key = load_pem_private_key(issued.key_pem, None)
        passphrase = secrets.token_urlsafe(18)
        p12 = serialize_key_and_certificates(
            b"relais",
            key if isinstance(key, rsa.RSAPrivateKey) else None,
            issued.certificate,
            x509.load_pem_x509_certificates(issued.chain_pem),
            BestAvailableEncryption(passphrase.encode("ascii")),
        )
        return {"p12": base64.b64encode(p12).decode("ascii"), "passphrase": passphrase, "serial": f"{issued.serial:x}"}


def _period(variant: Variant) -> tuple[datetime | None, datetime | None]:
    now, day = datetime.now(UTC), timedelta(days=1)
    match variant:
        case "expired":
            return now - 30 * day, now - day
        case "near_expiry":
            return now - 300 * day, now + 5 * day
        case "not_yet_valid":
            return now + day, now + 300 * day
        case _:
            return None, None
