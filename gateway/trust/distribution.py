"""Where the authority of a certificate publishes its revocation list: read off the certificate itself.

Never fetches. Delta lists and LDAP addresses are left out: IGC-Santé publishes its full lists over HTTP.
Source: dossier cda_signing.md 4.4.
"""

from __future__ import annotations

from cryptography import x509

from gateway.trust.certificate import extension, load_certificate


def list_addresses(der: bytes) -> tuple[str, ...]:
    """The http and https addresses in the CRLDistributionPoints of a certificate (DER); raises CertificateMalformed."""
    points = extension(load_certificate(der), x509.CRLDistributionPoints) or ()
    named = (name.value for point in points for name in point.full_name or () if isinstance(name, x509.UniformResourceIdentifier))
    return tuple(address for address in named if address.lower().startswith(("http://", "https://")))
