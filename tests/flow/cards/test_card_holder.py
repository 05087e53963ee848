"""Whose card it is, from certificates of the shapes that cards are known to have, and from bytes that are none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from firmware.protocol import CardCertificate, CardObject, KeyUse
from gateway.flow.cards.holder import holder_view, is_test_card
from gateway.flow.cards.situations import situations_view
from gateway.flow.cards.vitale_data import vitale_view
from tests.rig.cards.people import CARD_TYPE, PROFESSION, REAL_ISSUER, Person, card_certificate, new_key
from tests.tools import need_tool


def of(der: bytes) -> tuple[CardCertificate, ...]:
    return (CardCertificate(use=KeyUse.SIGN, der=der),)


def certificate(*levels: list[tuple[x509.ObjectIdentifier, str]], extensions: dict[x509.ObjectIdentifier, bytes] | None = None) -> bytes:
    """Another form than that of today's cards."""
    import datetime as dt

    name = x509.Name([x509.RelativeDistinguishedName([x509.NameAttribute(*one) for one in level]) for level in levels])
    now = dt.datetime.now(dt.UTC)
    key = new_key("form")
    made = x509.CertificateBuilder(REAL_ISSUER, name, key.public_key(), 7, now, now + dt.timedelta(days=9))
    for oid, value in (extensions or {}).items():
        made = made.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_every_value_of_a_level_of_several_is_found_as_openssl_finds_it(tmp_path: Path) -> None:
    der = card_certificate(Person(), KeyUse.SIGN, new_key("a"))
    view = holder_view(of(der), (CardObject(label="CPS_INFO_PS", value=b"\x80\x04SM26"),))
    assert (view.id, view.family, view.given, view.title, view.profession) == ("899700366240", "MOREL", "CAMILLE", "Médecin", "10")
    assert (view.specialty, view.card_type, view.test) == ("SM26", "CPS", True)
    (tmp_path / "c").write_bytes(der)
    command = [
        need_tool("openssl"),
        "x509",
        "-inform",
        "DER",
        "-in",
        str(tmp_path / "c"),
        "-noout",
        "-subject",
        "-nameopt",
        "sep_multiline,utf8",
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for word in (view.id, view.family, view.given):
        assert word is not None
        assert word in told
    assert "+" in told


def test_older_forms_and_service_cards_say_what_they_can() -> None:
    plain = certificate([(NameOID.COMMON_NAME, "00B6087510")], [(NameOID.SURNAME, "DURAND")], [(NameOID.GIVEN_NAME, "ALIX")])
    view = holder_view(of(plain), ())
    assert (view.id, view.family, view.given, view.profession, view.specialty, view.test) == (
        "00B6087510",
        "DURAND",
        "ALIX",
        None,
        None,
        False,
    )
    service = holder_view(of(certificate([(NameOID.COMMON_NAME, "3B0123")])), ())
    assert (service.id, service.family) == ("3B0123", None)


@pytest.mark.parametrize("value", [b"\x02\x01\x50", b"\x02\x01\x52", b"\x02\x02\x00\x83", b"\x0c\x0280", b"\x04\x0283", b"\x02\x01\x80"])
def test_a_category_of_test_is_seen_however_it_is_written(value: bytes) -> None:
    der = certificate([(NameOID.COMMON_NAME, "899700366240")], extensions={CARD_TYPE: value})
    assert is_test_card(x509.load_der_x509_certificate(der))


@pytest.mark.parametrize(
    "value", [b"\x02\x01\x00", b"\x02\x01\x03", b"\x0c\x0200", b"", b"\x02", b"\x02\x05\x01", b"\x30\x00", b"\x02\x00"]
)
def test_another_category_or_none_is_no_test(value: bytes) -> None:
    der = certificate([(NameOID.COMMON_NAME, "899700366240")], extensions={CARD_TYPE: value, PROFESSION: value})
    assert not is_test_card(x509.load_der_x509_certificate(der))
    assert holder_view(of(der), ()).id == "899700366240"


@given(st.binary(max_size=60))
def test_whatever_bytes_a_card_gives_there_is_an_answer(content: bytes) -> None:
    objects = (CardObject(label="CPS_INFO_PS", value=content), CardObject(label="CPS_ACTIVITY_03_PS", value=content))
    assert holder_view(of(content), objects).id is None
    assert len(situations_view(objects).situations) == 1
    assert len(vitale_view(objects).objects) == 2
