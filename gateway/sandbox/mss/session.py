"""One SMTP conversation with a submitting client: aiosmtpd's state machine, with a client certificate demanded and accidents on order.

Never decides who may send or receive: the operator does. DATA is read here, in one go, so that the bytes kept are the bytes received
(RFC 5321 4.5.2: only CRLF.CRLF ends it, one leading dot per line is transparency) and a connection can die at any point of it.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import ssl
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session, TLSSetupException
from typing_extensions import override

from gateway.sandbox.faults import Armed
from gateway.sandbox.listener import reset_transport
from gateway.sandbox.mss.operator import AFTER_DATA_FAULTS, MssOperator, Submitted, structure_of

_LOG = logging.getLogger(__name__)
HOST_NAME: Final = "operateur.sandbox.mssante.fr"
_CHUNK = 256 * 1024
_SLACK = 1024 * 1024
_END: Final = b"\r\n.\r\n"


class Hooks:
    """Hooks of aiosmtpd, put to the operator."""

    def __init__(self, operator: MssOperator) -> None:
        self._operator = operator
        self._recipients_seen = 0
        self._mixed: Armed | None = None

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SubmissionSession, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Announce STARTTLS and AUTH only where they can be used."""
        session.host_name = hostname
        hidden = ("250-STARTTLS",) if server.starttls_withheld else ()
        return [line for line in responses if line not in hidden and line.strip() != "250-AUTH"]

    async def handle_MAIL(  # noqa: N802
        self, _server: SubmissionSession, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Sender: an accident, a refusal, or accepted."""
        fault = self._operator.accident("421_mail", "552_mail", "busy", phase="mail")
        if fault is not None:
            return _MAIL_ANSWERS[fault.name]
        refusal = await self._operator.refusal_of_sender(address, peer_certificate(session))
        if refusal is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
            self._recipients_seen = 0
            self._mixed = self._operator.accident("mixed_rcpt", phase="rcpt")
        return refusal or "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SubmissionSession, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Recipient: an accident, a refusal, or accepted."""
        fault = self._operator.accident("421_rcpt", "451_rcpt", "550_rcpt", phase="rcpt")
        self._recipients_seen += 1
        if fault is not None:
            return _RCPT_ANSWERS[fault.name]
        if self._mixed is not None and self._recipients_seen % 3 != 1:
            return _RCPT_ANSWERS["550_rcpt" if self._recipients_seen % 3 == 2 else "451_rcpt"]
        refusal = await self._operator.refusal_of_recipient(address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return refusal or "250 2.1.5 OK"

    async def auth_EXTERNAL(self, server: SubmissionSession, args: list[str]) -> AuthResult:  # noqa: N802
        """SASL EXTERNAL (RFC 4422): the certificate speaks for the client; a mailbox asked for must be its structure's."""
        certificate = peer_certificate(server.session) if server.session else None
        mailbox = _decoded(args[1]) if len(args) > 1 else ""
        refused = structure_of(certificate) is None or (mailbox and await self._operator.refusal_of_sender(mailbox, certificate))
        return AuthResult(success=not refused, handled=False)

    async def handle_exception(self, error: Exception) -> str:
        """What a client is told when this server, or the TLS handshake, fails."""
        if isinstance(error, TLSSetupException):
            _LOG.info("handshake refused: %s", error.__cause__)
        else:
            _LOG.error("conversation failed", exc_info=error)
        return f"451 4.3.0 Erreur du bac a sable ({type(error).__name__})"


class SubmissionSession(SMTP):
    """aiosmtpd's protocol of one connection."""

    line_length_limit = 64 * 1024
    """Limit of the stream's buffer; commands keep their own, lines of a mail are the judge's."""

    def __init__(self, operator: MssOperator, context: ssl.SSLContext, *, starttls_withheld: bool) -> None:
        sasl = operator.options.sasl_external
        super().__init__(
            Hooks(operator),
            data_size_limit=operator.options.size,
            hostname=HOST_NAME,
            ident="ESMTP bac a sable Relais",
            auth_required=sasl == "required",
            auth_exclude_mechanism=("LOGIN", "PLAIN", *(("EXTERNAL",) if sasl == "off" else ())),
            loop=asyncio.get_running_loop(),
        )
        # Set afterwards: the constructor warns about contexts that demand a certificate, which is what is wanted here.
        self.tls_context = context
        self.require_starttls = True
        self.starttls_withheld = starttls_withheld
        self._operator = operator

    async def finished(self) -> None:
        """Wait for the end of the conversation, however it ends."""
        if self._handler_coroutine is not None:
            await asyncio.gather(self._handler_coroutine, return_exceptions=True)
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()

    @override
    async def push(self, status: Any) -> None:
        """One answer line; 421 closes the connection (RFC 5321 3.8)."""
        await super().push(status)
        if isinstance(status, str) and status.startswith("421") and self.transport is not None:
            self.transport.close()

    @override
    async def smtp_EHLO(self, hostname: str) -> None:
        """EHLO, unless the service is to be away."""
        if self._operator.accident("421_ehlo", phase="ehlo"):
            await self.push("421 4.3.2 Service indisponible")
            return
        await super().smtp_EHLO(hostname)

    @override
    async def smtp_STARTTLS(self, arg: str) -> None:
        """STARTTLS, unless it is withheld."""
        if self.starttls_withheld:
            await self.push("502 5.5.1 Commande inconnue")
            return
        await super().smtp_STARTTLS(arg)

    @override
    async def smtp_DATA(self, arg: str) -> None:
        """DATA: refusals first, then the whole content, then the operator's answer."""
        if await self.check_auth_needed("DATA"):
            return
        if not self.envelope or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT attendu")
            return
        if self._operator.accident("421_data", phase="data"):
            await self.push("421 4.3.2 Service indisponible")
            return
        cut = self._operator.accident("reset_mid_body", phase="data")
        await self.push("354 Terminez par <CRLF>.<CRLF>")
        if cut is not None:
            await self._reader.read(_CHUNK)
            reset_transport(self._writer.transport)
            return
        content = await self._read_content()
        if content is not None:
            await self._answer(content)
        self.envelope = self._create_envelope()

    async def _read_content(self) -> bytes | None:
        """The content, dots unstuffed; None when its size, or bytes after its end, had it refused."""
        limit = self.data_size_limit or 0
        received, searched, too_large = bytearray(b"\r\n"), 0, False
        while (end := received.find(_END, max(0, searched - len(_END)))) < 0:
            if len(received) > limit + _SLACK:
                del received[: -len(_END)]
                too_large = True
            searched = len(received)
            received += await self._reader.read(_CHUNK)
        if received[end + len(_END) :]:
            await self.push("421 4.7.0 Octets apres la fin du message: connexion fermee")
            return None
        content = bytes(received[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]
        if too_large or len(content) > limit:
            await self.push("552 5.3.4 Message trop volumineux")
            return None
        return content

    async def _answer(self, content: bytes) -> None:
        if self.envelope is None or self.session is None or self.envelope.mail_from is None:
            return
        mail = Submitted(
            content=content,
            sender=self.envelope.mail_from,
            recipients=tuple(self.envelope.rcpt_tos),
            client_certificate=peer_certificate(self.session) or b"",
        )
        fault = self._operator.accident(*AFTER_DATA_FAULTS, phase="data")
        answer = await self._operator.submit(mail, fault)
        if fault is not None and fault.name == "slow":
            await asyncio.sleep(fault.seconds)
        if answer is None:
            self._writer.transport.abort()
        else:
            await self.push(answer)


def _decoded(initial_response: str) -> str:
    """SASL initial response: base64 text, `=` when empty; what cannot be read names nobody's mailbox."""
    try:
        return "" if initial_response == "=" else base64.b64decode(initial_response, validate=True).decode("utf-8")
    except ValueError:
        return "?"


def peer_certificate(session: Session) -> bytes | None:
    """DER of the certificate the client really presented in this TLS session."""
    tls: ssl.SSLObject | None = session.ssl.get("ssl_object") if session.ssl else None
    return tls.getpeercert(binary_form=True) if tls else None


_MAIL_ANSWERS: Final = {
    "421_mail": "421 4.3.2 Service indisponible",
    "552_mail": "552 5.3.4 Message trop volumineux",
    "busy": "451 4.3.2 Operateur occupe, reessayez plus tard",
}
_RCPT_ANSWERS: Final = {
    "421_rcpt": "421 4.3.2 Service indisponible",
    "451_rcpt": "451 4.2.1 Boite momentanement indisponible",
    "550_rcpt": "550 5.1.1 Boite inconnue",
}
