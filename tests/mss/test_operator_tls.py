"""What secures the line to the operator: cases 1 to 7 of mssante.md section 8, on both versions of TLS."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.kernel.errors import ErrorClass
from gateway.mss.compose import compose
from gateway.mss.send import OperatorFault
from gateway.wire.smtp_errors import OperatorTlsRefused, OperatorUnavailable, StartTlsMissing
from tests.mss.letters import draft
from tests.mss.operators import Journal, client, context, hand_over
from tests.trust.pki import AUTH_CLI, NOW, SERVER, Leaf, Pki, shared_leaf, shared_pki
from tests.wire.smtp_peer import Operator, operating, talking
from tests.wire.tls_peer import server_context

MAIL = compose(draft())
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


async def refusal(operator: Operator, made: ssl.SSLContext | None = None, **changes: object) -> OperatorFault:
    """The refusal of a send that must leave nothing: no phase told, no mail stored."""
    journal = Journal()
    async with operating(operator):
        with pytest.raises(OperatorFault) as caught:
            await hand_over(client(operator.port, made, **changes), MAIL, journal=journal)
    assert journal.phases == []
    assert operator.mails == []
    return caught.value


def assert_configuration(fault: OperatorFault) -> None:
    assert isinstance(fault, OperatorTlsRefused)
    assert fault.error_class is ErrorClass.CONFIGURATION
    assert fault.who == "votre installateur"


@pytest.mark.parametrize("answer", [None, b"502 5.5.1 inconnu\r\n", b"501 5.5.4 non\r\n"])
async def test_mss01_without_starttls_nothing_is_said(answer: bytes | None) -> None:
    heard: list[bytes] = []

    async def clear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 operateur.test\r\n")
        while line := await reader.readline():
            heard.append(line.split(b" ")[0].strip().upper())
            offer = b"250 STARTTLS\r\n" if answer is not None else b"250 AUTH EXTERNAL PLAIN\r\n"
            writer.write(b"250-operateur.test\r\n" + offer if heard[-1] == b"EHLO" else answer or b"250 OK\r\n")

    async with talking(clear) as endpoint:
        with pytest.raises(StartTlsMissing) as caught:
            await hand_over(client(endpoint.port, sasl_external=True), MAIL)
    assert_configuration(caught.value)
    assert heard == ([b"EHLO"] if answer is None else [b"EHLO", b"STARTTLS"])


async def test_mss01_starttls_put_off_is_waited_for() -> None:
    async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"220 operateur.test\r\n", b"250-x\r\n250 STARTTLS\r\n", b"454 4.3.0 TLS indisponible\r\n"):
            writer.write(answer)
            await reader.readline()

    async with talking(later) as endpoint:
        with pytest.raises(OperatorUnavailable):
            await hand_over(client(endpoint.port), MAIL)


async def test_mss02_tls_1_1_is_refused() -> None:
    old = server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    assert_configuration(await refusal(Operator(context=old)))


async def test_mss02_a_lax_context_does_not_let_tls_1_1_in() -> None:
    old, lax = server_context(), context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = lax.minimum_version = ssl.TLSVersion.TLSv1_1
    for one in (old, lax):
        one.set_ciphers("ALL:@SECLEVEL=0")
    fault = await refusal(Operator(context=old), lax)
    assert_configuration(fault)
    assert "TLSv1.1" in fault.technical


@pytest.mark.parametrize("version", VERSIONS)
async def test_mss03_another_authority_is_refused(version: ssl.TLSVersion) -> None:
    public = Pki.create("AUTORITE PUBLIQUE", test=False)
    assert_configuration(await refusal(Operator(context=server_context(leaf=public.issue(SERVER), version=version))))


@pytest.mark.parametrize("version", VERSIONS)
async def test_mss04_an_expired_server_is_refused(version: ssl.TLSVersion) -> None:
    expired = shared_pki().issue(SERVER, not_before=NOW - timedelta(days=400), not_after=NOW - timedelta(days=1))
    fault = await refusal(Operator(context=server_context(leaf=expired, version=version)))
    assert_configuration(fault)
    assert "10" in fault.technical  # X509_V_ERR_CERT_HAS_EXPIRED


@pytest.mark.parametrize("version", VERSIONS)
async def test_mss05_a_revoked_server_is_refused_and_its_neighbour_accepted(version: ssl.TLSVersion) -> None:
    pki = Pki.create("REVOCATION")
    bad, good, own = pki.issue(SERVER), pki.issue(SERVER), pki.issue(AUTH_CLI)
    pki.revoke(bad)
    made = context(own, pki=pki, crls=[pki.crl_pem()])
    assert_configuration(await refusal(Operator(context=server_context(leaf=bad, client_pki=pki, version=version)), made))
    async with operating(Operator(context=server_context(leaf=good, client_pki=pki, version=version))) as operator:
        await hand_over(client(operator.port, made), MAIL)
    assert len(operator.mails) == 1


async def test_mss06_another_name_is_refused() -> None:
    elsewhere = shared_pki().issue(SERVER, names=("autre.operateur.test",))
    assert_configuration(await refusal(Operator(context=server_context(leaf=elsewhere))))


async def test_mss06_the_host_is_the_name_unless_the_setting_says_otherwise() -> None:
    named = shared_pki().issue(SERVER, names=("smtp.operateur.test",))
    assert_configuration(await refusal(Operator(context=server_context(leaf=named)), tls_name=None))
    async with operating(Operator(context=server_context(leaf=named))) as operator:
        await hand_over(client(operator.port, tls_name="smtp.operateur.test"), MAIL)
    assert len(operator.mails) == 1


@pytest.mark.parametrize("version", VERSIONS)
async def test_mss07_our_certificate_opens_the_door(version: ssl.TLSVersion) -> None:
    async with operating(Operator(context=server_context(version=version))) as operator:
        accepted = await hand_over(client(operator.port), MAIL)
    assert accepted.code == 250
    assert operator.mails[0].content == MAIL


def expired_client() -> Leaf:
    return shared_pki().issue(AUTH_CLI, not_before=NOW - timedelta(days=400), not_after=NOW - timedelta(days=1))


def foreign_client() -> Leaf:
    return Pki.create("AILLEURS").issue(AUTH_CLI)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("show", [None, expired_client, foreign_client, lambda: shared_leaf(SERVER)])
async def test_mss07_a_refused_certificate_is_a_matter_of_configuration(version: ssl.TLSVersion, show: Callable[[], Leaf] | None) -> None:
    made = context(anonymous=True) if show is None else context(show())
    assert_configuration(await refusal(Operator(context=server_context(version=version)), made))
