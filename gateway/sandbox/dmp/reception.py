"""The doors of the simulated DMP: client certificate, content type, envelope, action. Nothing is believed yet.

It never reads the token (`vihf_rules`) nor the body. Source: dmp.md 1.2, 1.3, 5 and 8 (cases 33 to 35).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway.sandbox.dmp.certificates import CertificateUnreadable, Leaf, TrustStore, read_leaf
from gateway.sandbox.dmp.multipart import Part, read_content_type, read_package
from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.refusals import INVALID_CERTIFICATE, SoapRefusal
from gateway.sandbox.dmp.soap import Envelope, read_envelope
from gateway.sandbox.exchange import Request

_PLAIN = "application/soap+xml"
_MULTIPART = "multipart/related"


def client_certificate(request: Request, trust: TrustStore, now: datetime) -> Leaf:
    """The AUTH_CLI certificate of the TLS session; raises SoapRefusal (`dmp.tls.*`) for what a real handshake would refuse."""
    try:
        leaf = read_leaf(request.client_certificate or b"")
    except CertificateUnreadable as problem:
        raise _certificate_refusal("missing") from problem
    if not leaf.client_auth or not leaf.digital_signature:
        raise _certificate_refusal("usage")
    fault = trust.fault_of(leaf, now)
    if fault is not None:
        raise _certificate_refusal(fault)
    return leaf


def read_message(request: Request, options: DmpOptions, *, mtom: bool, actions: frozenset[str]) -> tuple[Envelope, Mapping[str, Part]]:
    """The envelope and the MTOM parts; `actions` are those of the endpoint. Raises SoapRefusal (`dmp.mtom.*`, `dmp.soap.*`)."""
    if len(request.body) > options.message_bytes:
        raise SoapRefusal("dmp.http.size", "Le message est trop volumineux")
    declared = read_content_type(request.header("Content-Type"))
    parts: Mapping[str, Part] = {}
    root = request.body
    if mtom or declared.media == _MULTIPART:
        package = read_package(declared, request.body, strict=options.strict_multipart)
        root, parts = package.root.body, package.parts
    elif declared.media != _PLAIN:
        raise SoapRefusal("dmp.soap.content-type", "Le message n'est pas annoncé comme du SOAP 1.2")
    envelope = read_envelope(root, options.envelope_bytes)
    announced = declared.parameters.get("action", "" if mtom else envelope.action)
    if envelope.action not in actions or announced != envelope.action:
        raise SoapRefusal("dmp.soap.action-mismatch", "L'action du message n'est pas celle du service appelé")
    return envelope, parts


def _certificate_refusal(rule: str) -> SoapRefusal:
    return SoapRefusal(f"dmp.tls.{rule}", "Le certificat client de la connexion est refusé", subcode=INVALID_CERTIFICATE)
