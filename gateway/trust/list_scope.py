"""Of which certificates a revocation list speaks: all those of its authority, or those that name the same distribution point.

An authority may spread its revocations over several lists, each with an issuing distribution point; the silence of one says nothing of the
certificates of another. Relative names are not resolved: only equal ones meet. Source: RFC 5280 5.2.5 and 6.3.3 (b), as OpenSSL applies it.
"""

from __future__ import annotations

from cryptography import x509

from gateway.trust.certificate import extension


def scope_of(held: x509.CertificateRevocationList) -> bytes:
    """What sets the list apart from the others of its authority, DER; empty for a list that speaks of all. Signed by the authority."""
    point = _point(held)
    return point.public_bytes() if point is not None else b""


def covers(held: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """True when the absence of that certificate, of the same issuer, from the list means something."""
    point = _point(held)
    if point is None:
        return True
    if point.only_contains_attribute_certs or (
        point.only_contains_ca_certs if not _is_authority(certificate) else point.only_contains_user_certs
    ):
        return False
    if point.full_name is None and point.relative_name is None:
        return True
    return any(_same(point, one) for one in extension(certificate, x509.CRLDistributionPoints) or ())


def names(held: x509.CertificateRevocationList, address: str) -> bool:
    """True when the list says itself that it belongs at that address, or names no place at all."""
    point = _point(held)
    full = point.full_name if point is not None else None
    return not full or any(isinstance(one, x509.UniformResourceIdentifier) and one.value == address for one in full)


def _same(point: x509.IssuingDistributionPoint, named: x509.DistributionPoint) -> bool:
    if point.full_name and named.full_name:
        return any(one in point.full_name for one in named.full_name)
    return point.relative_name is not None and point.relative_name == named.relative_name


def _point(held: x509.CertificateRevocationList) -> x509.IssuingDistributionPoint | None:
    try:
        return held.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return None


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca
