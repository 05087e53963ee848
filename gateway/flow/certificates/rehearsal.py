"""Tries a certificate at each service that its role serves, before it is put into use: a handshake and a call that changes nothing.

AUTH_CLI: TLS with the DMP and a GET, and the operator's EHLO where no MAILBOX certificate is held; MAILBOX: that EHLO; INSI_*: TLS with
INSi and a GET; SIGN: a lot signed and verified as those that leave. Each: its chain and the revocation lists. No patient is ever named.
A service's refusal, 401, 403, 495 and 496 among them [R], counts only when the certificate beside this one is not refused just as well.
Sources: anchors.md section 7 (goal 5), insi.md 2.3 (self-check), mssante.md 1.2, cda_signing.md 4.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence

from gateway.flow.certificates.indictment import is_their_alert
from gateway.flow.certificates.ocsp_queries import OcspQueries
from gateway.flow.certificates.succession import Outcome, Service, Step
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration, Mailbox
from gateway.kernel.errors import ErrorClass, RelaisError
from gateway.kernel.ids import new_oid
from gateway.mss.address import domain_of
from gateway.trust.certificate import load_certificate
from gateway.trust.chain import build_path, read_authorities
from gateway.trust.errors import CertificateRevoked, KeyUnavailable
from gateway.trust.keystore import KeyStore
from gateway.trust.lot import LotDocument, sign_lot
from gateway.trust.lot_check import verify_lot
from gateway.trust.ocsp import OcspStatus
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

    def __init__(
        self,
        configuration: Configuration,
        keys: KeyStore,
        anchors: bytes,
        lists: Lists,
        clock: Clock,
        ports: Ports,
        ocsp: OcspQueries | None = None,
    ) -> None:
        """`lists` gives the revocation lists held, `ports` a port of its own over a context; `ocsp` is asked as well when given."""
        self._ocsp = ocsp
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
            url = f"{settings.dmp.url.rstrip('/')}/registry"
            steps.append(await _beside("dmp", slot, lambda tried: self._get(url, structure, role, tried)))
        if role in (Role.INSI_MANU, Role.INSI_AUTO) and settings.insi.url is not None:
            address = settings.insi.url
            steps.append(await _beside("insi", slot, lambda tried: self._get(address, structure, role, tried)))
        mailbox = self._mailbox(structure, role)
        if mailbox is not None:
            steps.append(await _beside("mss", slot, lambda tried: self._greet(mailbox, structure, role, tried)))
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
        told = await self._ocsp.answer(leaf, path[1]) if self._ocsp is not None else None
        if told is not None and told.status is OcspStatus.REVOKED:
            raise CertificateRevoked("ocsp", date=f"{told.revoked_at or now:%d/%m/%Y}")

    async def _sign(self, structure: str, slot: Slot) -> None:
        signer = self._keys.signer(structure, slot)
        lot, documents = new_oid(), [LotDocument(unique_id=new_oid(), data=f"<essai>{secrets.token_hex(16)}</essai>".encode())]
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
            raise TlsRefused(f"HTTP {status}")
        if status >= 500:
            raise PeerUnreachable(f"HTTP {status}")

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
    """A trial that depends on nobody else: what goes wrong is the certificate's own."""
    try:
        await act()
    except RelaisError as problem:
        return _failed(service, "refused" if problem.error_class is ErrorClass.CONFIGURATION else "unreachable", problem)
    return _passed(service)


async def _beside(service: Service, slot: Slot, act: Callable[[Slot], Awaitable[None]]) -> Step:
    """A trial at a service; a refusal counts only when the certificate beside it is not refused just as well at that instant."""
    try:
        await act(slot)
    except (TlsRefused, OperatorTlsRefused, ClientRefused) as problem:
        return _failed(service, await _blame(problem, _OTHER[slot], act), problem)
    except RelaisError as problem:
        return _failed(service, "refused" if problem.error_class is ErrorClass.CONFIGURATION else "unreachable", problem)
    return _passed(service)


async def _blame(problem: RelaisError, other: Slot, act: Callable[[Slot], Awaitable[None]]) -> Outcome:
    """Where there is nothing to compare with, only a TLS alert about the certificate speaks against it."""
    try:
        await act(other)
    except KeyUnavailable:
        return "refused" if is_their_alert(problem) else "unreachable"
    except RelaisError:
        return "unreachable"
    return "refused"


def _passed(service: Service) -> Step:
    return Step(service=service, outcome="good", what=f"{_PLACES[service]} : essai réussi.")


def _failed(service: Service, outcome: Outcome, problem: RelaisError) -> Step:
    what = problem.explanation.what
    return Step(service=service, outcome=outcome, what=f"{_PLACES[service]} : {what[:1].lower()}{what[1:]}", code=problem.code)
