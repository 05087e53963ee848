"""TD2.1, the feed: the request of a sealed lot, and what the answer says (dmp.md sections 1.1, 5, 6).

Never decides to send again. Over retries the request differs by its SOAP header only: message id and VIHF.
"""

from __future__ import annotations

from gateway.dmp.answer import read_answer, refuse_registry
from gateway.dmp.lot import DOCUMENT_ID, SIGNATURE_ID, SealedLot
from gateway.wire.http import HttpRequest, HttpResponse
from gateway.wire.mtom import Part, write_mtom
from gateway.wire.soap import write_envelope
from gateway.xds.iti41 import ACTION, write_request
from gateway.xds.registry_answer import RegistryRefusal, UnexpectedAnswer, read_registry_response


def feed_request(lot: SealedLot, cda: bytes, vihf: bytes, url: str, message_id: str) -> HttpRequest:
    """The MTOM request of a lot; `cda` must be the sealed bytes (FrozenBytesChanged otherwise), `url` the repository service."""
    lot.check(cda)
    parts = (
        Part(content_id=f"document.{lot.document_unique_id}@relais", content_type=lot.mime_type, data=cda),
        Part(content_id=f"signature.{lot.signature_unique_id}@relais", content_type="text/xml", data=lot.signature),
    )
    body = write_request(lot.metadata, [(DOCUMENT_ID, parts[0].content_id), (SIGNATURE_ID, parts[1].content_id)])
    envelope = write_envelope(action=ACTION, to=url, message_id=message_id, body=body, assertion=vihf)
    message = write_mtom(envelope, parts, action=ACTION, seed=lot.submission_set_id)
    return HttpRequest(method="POST", url=url, headers=(("content-type", message.content_type),), body=message.body)


def read_feed_answer(response: HttpResponse) -> None:
    """Returns when the DMP took the lot; raises one of FromDmp otherwise, FeedUnsettled when it cannot be told."""
    try:
        read_registry_response(read_answer(response, feed=True))
    except (RegistryRefusal, UnexpectedAnswer) as problem:
        refuse_registry(problem, response, feed=True)
