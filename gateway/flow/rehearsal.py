"""Tries a certificate at each service that its role serves, before it is put into use: a handshake and a call that changes nothing.

AUTH_CLI: TLS with the DMP and a GET, and the operator's EHLO where no MAILBOX certificate is held; MAILBOX: that EHLO; INSI_*: TLS with
INSi and a GET; SIGN: a lot signed and verified as those that leave. Each: its chain and the revocation lists. No patient is ever named.
An HTTP status says nothing by itself (a GET is no SOAP call): 401, 403, 495 and 496 refuse the certificate only when the one beside it
gets another answer to the same request [R].
Sources: anchors.md section 7 (goal 5), insi.md 2.3 (self-check), mssante.md 1.2, cda_signing.md 4.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence

from gateway.flow.succession import Outcome, Service, Step
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration, Mailbox
from gateway.kernel.errors import ErrorClass, RelaisError
from gateway.kernel.ids import new_oid
from gateway.mss.address import domain_of
from gateway.trust.certificate import load_certificate
from gateway.trust.chain import build_path, read_authorities
from gateway.trust.errors import CertificateRevoked
from gateway.trust.keystore import KeyStore
from gateway.trust.lot import LotDocument, sign_lot
from gateway.trust.lot_check import verify_lot
from gateway.trust.revocation import certificate_lists, revocation_of
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.tls import TlsContext, client_context
from gateway.wire.http import HttpPort, HttpRequest, PeerUnreachable, TlsRefused
from gateway.wire.smtp import Endpoint, SmtpSession
from gateway.wire.smtp_errors import ClientRefused, OperatorTlsRefused

_ABOUT_CERTIFICATES = frozenset({401, 403, 495, 496})
_OTHER = {Slot.NEXT: Slot.CURRENT, Slot.CURRENT: Slot.FORMER, Slot.FORMER: Slot.CURRENT}
_PLACES: dict[Service, str] = {
    "chain": "Chaîne et révocation",
    "signature": "Signature d'essai",
    "dmp": "DMP",
    "mss": "Messagerie",
    "insi": "INSi",
}

Ports = Callable[[TlsContext], HttpPort]
Lists = Callable[[], Sequence[bytes]]


class Rehearsals:
    """Tries certificates of the key store; each trial opens connections of its own and closes them."""

    def __init__(self, configuration: Configuration, keys: KeyStore, anchors: bytes, lists: Lists, clock: Clock, ports: Ports) -> None:
        """`lists` gives the revocation lists held, `ports` a port of its own over a context."""
        self._configuration = configuration
        self._keys = keys
        self._anchors = anchors
        self._lists = lists
        self._clock = clock
        self._ports = ports

    async def rehearse(self, structure: str, role: Role, slot: Slot) -> tuple[Step, ...]:
        """What each service makes of the certificate in that slot; never raises for what a service answers."""
        steps = [await _step("chain", lambda: self._check_chain(structure, role, slot))]
        if role is Role.SIGN:
            return (*steps, await _step("signature", lambda: self._sign(structure, slot)))
        settings = self._configuration
        if role is Role.AUTH_CLI:
            steps.append(await _step("dmp", lambda: self._get(f"{settings.dmp.url.rstrip('/')}/registry", structure, role, slot)))
        if role in (Role.INSI_MANU, Role.INSI_AUTO) and settings.insi.url is not None:
            url = settings.insi.url
            steps.append(await _step("insi", lambda: self._get(url, structure, role, slot)))
        mailbox = self._mailbox(structure, role)
        if mailbox is not None:
            steps.append(await _step("mss", lambda: self._greet(mailbox, structure, role, slot)))
        return tuple(steps)

    def _mailbox(self, structure: str, role: Role) -> Mailbox | None:
        known = self._configuration.structure(structure)
        serves = role is Role.MAILBOX or (role is Role.AUTH_CLI and self._keys.serving(structure, Role.MAILBOX) is role)
        return known.mailbox if known is not None and serves else None

    async def is_revoked(self, structure: str, role: Role, slot: Slot) -> bool:
        """True when the lists held say so; False for what cannot be judged."""
        try:
            await self._check_chain(structure, role, slot)
        except CertificateRevoked:
            return True
        except RelaisError:
            return False
        return False

    async def _check_chain(self, structure: str, role: Role, slot: Slot) -> None:
        now = self._clock.now()
        leaf = load_certificate(self._keys.certificate(structure, role, slot))
        hints = [load_certificate(one) for one in self._keys.issuers(structure, role, slot)]
        path = build_path(leaf, read_authorities(self._anchors), now, hints)
        found = revocation_of(leaf, path[1], certificate_lists(self._lists()), now)
        if found.revoked_at is not None:
            raise CertificateRevoked(date=f"{found.revoked_at:%d/%m/%Y}")

    async def _sign(self, structure: str, slot: Slot) -> None:
        signer = self._keys.signer(structure, slot)
        lot, documents = new_oid(), [LotDocument(unique_id=new_oid(), data=secrets.token_bytes(32))]
        settings = self._configuration.dmp
        signature = await sign_lot(
            submission_set_id=lot,
            documents=documents,
            signer=signer,
            now=self._clock.now(),
            digest=settings.lot_digest,
            xades=settings.lot_xades,
        )
        verify_lot(signature, documents, lot, certificate=signer.certificate)

    async def _get(self, url: str, structure: str, role: Role, slot: Slot) -> None:
        status = await self._asked(url, structure, role, slot)
        if status in _ABOUT_CERTIFICATES:
            other = await self._answer_to(_OTHER[slot], url, structure, role)
            if other is None:
                raise PeerUnreachable(f"HTTP {status}, nothing to compare with")
            if other != status:
                raise TlsRefused(f"ALERT CERTIFICATE as HTTP {status}")
        if status >= 500:
            raise PeerUnreachable(f"HTTP {status}")

    async def _answer_to(self, slot: Slot, url: str, structure: str, role: Role) -> int | None:
        try:
            return await self._asked(url, structure, role, slot)
        except RelaisError:
            return None

    async def _asked(self, url: str, structure: str, role: Role, slot: Slot) -> int:
        port = self._ports(self._context(structure, role, slot))
        try:
            return (await port.send(HttpRequest(method="GET", url=url))).status
        finally:
            await port.close()

    async def _greet(self, mailbox: Mailbox, structure: str, role: Role, slot: Slot) -> None:
        endpoint = Endpoint(
            host=mailbox.host,
            port=mailbox.port,
            name=mailbox.tls_name or mailbox.host,
            client_name=domain_of(mailbox.address),
            sasl_external=mailbox.sasl_external,
            answer_seconds=self._configuration.mss.answer_seconds,
        )
        session = await SmtpSession.open(endpoint, self._context(structure, role, slot))
        await session.quit()

    def _context(self, structure: str, role: Role, slot: Slot) -> TlsContext:
        return client_context(self._keys.tls_identity(structure, role, slot), self._anchors, crls=self._lists())


async def _step(service: Service, act: Callable[[], Awaitable[None]]) -> Step:
    place = _PLACES[service]
    try:
        await act()
    except RelaisError as problem:
        refused = problem.error_class is ErrorClass.CONFIGURATION and not _is_theirs(problem)
        outcome: Outcome = "refused" if refused else "unreachable"
        return Step(service=service, outcome=outcome, what=f"{place} : {_lowered(problem.explanation.what)}", code=problem.code)
    return Step(service=service, outcome="good", what=f"{place} : essai réussi.")


def _is_theirs(problem: RelaisError) -> bool:
    """True when the trouble is the service's own: its certificate, a cut, a setting that has nothing to do with ours."""
    if isinstance(problem, TlsRefused | OperatorTlsRefused):
        return "ALERT" not in problem.technical
    return isinstance(problem, ClientRefused) and problem.reply is None


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
