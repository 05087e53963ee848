"""Where a list is published, as an official certificate says it."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.trust.distribution import list_addresses
from gateway.trust.errors import CertificateMalformed
from tests.shared import need
from tests.trust.pki import shared_leaf


@pytest.mark.conformity
def test_an_official_certificate_names_its_list_over_http_and_the_directory_is_left_out() -> None:
    official = x509.load_pem_x509_certificate(need("data", "cda", "pki", "ORG_SIGN_test_expired_2022.pem").read_bytes())
    points = official.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert any("ldap" in str(name.value) for point in points for name in point.full_name or ())
    assert list_addresses(official.public_bytes(Encoding.DER)) == ("http://igc-sante.esante.gouv.fr/CRL/ACI-EL-ORG-TEST.crl",)


def test_a_certificate_may_name_none() -> None:
    assert list_addresses(shared_leaf().der) == ()


def test_what_is_no_certificate_is_told() -> None:
    with pytest.raises(CertificateMalformed):
        list_addresses(b"nothing")
