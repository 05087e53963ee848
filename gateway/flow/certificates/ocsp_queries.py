"""Asks the authority's OCSP responder about our own certificates, when the setting says so; keeps each answer for an hour at most.

Goes only where our own certificates say. What cannot be asked, or proves nothing, changes nothing: the lists decide. Source:
cda_signing.md 4.4.
"""

from __future__ import annotations

import secrets

import structlog
from cryptography import x509

from gateway.kernel.clock import Clock
from gateway.kernel.errors import RelaisError
from gateway.trust.ocsp import MEDIA_TYPE, OcspAnswer, ocsp_address, ocsp_request, read_ocsp
from gateway.wire.http import HttpPort, HttpRequest

_log = structlog.get_logger("relais.revocation")

_KEPT_SECONDS = 3600.0
_NONCE_BYTES = 16


class OcspQueries:
    """Answers by certificate, in memory."""

    def __init__(self, http: HttpPort, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._kept: dict[x509.Certificate, tuple[float, OcspAnswer | None]] = {}

    async def answer(self, certificate: x509.Certificate, issuer: x509.Certificate) -> OcspAnswer | None:
        """What the responder says; None when it could not be asked, or its answer proves nothing."""
        at, kept = self._kept.get(certificate, (0.0, None))
        if certificate in self._kept and self._clock.monotonic() - at < _KEPT_SECONDS:
            return kept
        found = await self._asked(certificate, issuer)
        self._kept[certificate] = (self._clock.monotonic(), found)
        return found

    async def _asked(self, certificate: x509.Certificate, issuer: x509.Certificate) -> OcspAnswer | None:
        address = ocsp_address(certificate)
        if address is None:
            return None
        nonce = secrets.token_bytes(_NONCE_BYTES)
        question = ocsp_request(certificate, issuer, nonce)
        try:
            response = await self._http.send(
                HttpRequest(method="POST", url=address, headers=(("content-type", MEDIA_TYPE),), body=question)
            )
            return read_ocsp(response.body, certificate, issuer, nonce, self._clock.now())
        except RelaisError as problem:
            _log.warning("ocsp not answered", code=problem.code, why=problem.technical)
            return None
