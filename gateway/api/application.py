"""The LAN application: the API under /api/v1, the routes of esignsante, the page. Built once by `app`; holds no state of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Litestar, Request, Router
from litestar.datastructures import MutableScopeHeaders
from litestar.di import Provide
from litestar.enums import HttpMethod
from litestar.types import ControllerRouterHandler, Message, Scope

from gateway.api.address import check_once
from gateway.api.callers import caller_of
from gateway.api.card_events import follow_card_events
from gateway.api.certificate_life import (
    call_certificate_back,
    list_successions,
    read_calendar,
    rehearse_certificate,
    switch_certificate,
)
from gateway.api.certificates import erase_certificate, import_certificate, list_certificates
from gateway.api.deliveries import cancel_delivery, hold_delivery, release_delivery, retry_delivery
from gateway.api.documents import cancel_document, list_documents, read_cda, read_document, read_proof, send_document
from gateway.api.epoch import read_epoch
from gateway.api.esignsante import BASE as ESIGNSANTE
from gateway.api.esignsante import ROUTES as ESIGNSANTE_ROUTES
from gateway.api.events import follow_events
from gateway.api.identities import (
    decide_identity,
    list_evidence,
    list_people,
    mark_identity,
    put_patient,
    qualify_identity,
    read_datamatrix,
    read_history,
    read_patient,
    read_worklist,
)
from gateway.api.ins import (
    cancel_batch,
    list_batches,
    read_batch,
    read_inquiry,
    read_scan,
    search_by_card,
    search_ins,
    start_batch,
    verify_ins,
)
from gateway.api.pairing import close_pairing, dismiss_reset, open_pairing, pair_workstation
from gateway.api.problems import HANDLERS
from gateway.api.readers import (
    list_card_certificates,
    list_readers,
    pair_reader,
    read_card,
    read_holder,
    read_situations,
    read_vitale,
    read_vitale_licensed,
    sign_by_card,
)
from gateway.api.scanners import list_scanners, pair_scanner, read_reading, test_scanner, unpair_scanner
from gateway.api.signatures import sign, verify
from gateway.api.specification import BASE, read_specification
from gateway.api.status import read_status
from gateway.api.workstations import add_workstation, list_workstations, rename_workstation, renew_workstation, revoke_workstation
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.kernel.config import Limits

_ROUTES: tuple[ControllerRouterHandler, ...] = (
    send_document,
    list_documents,
    read_document,
    cancel_document,
    read_cda,
    read_proof,
    retry_delivery,
    hold_delivery,
    release_delivery,
    cancel_delivery,
    follow_events,
    read_status,
    read_epoch,
    sign,
    verify,
    read_specification,
    put_patient,
    read_patient,
    read_history,
    decide_identity,
    qualify_identity,
    mark_identity,
    read_datamatrix,
    read_worklist,
    list_evidence,
    list_people,
    search_ins,
    read_inquiry,
    search_by_card,
    verify_ins,
    read_scan,
    start_batch,
    list_batches,
    read_batch,
    cancel_batch,
    list_scanners,
    pair_scanner,
    unpair_scanner,
    test_scanner,
    read_reading,
    list_readers,
    pair_reader,
    read_card,
    list_card_certificates,
    read_holder,
    read_situations,
    sign_by_card,
    read_vitale,
    read_vitale_licensed,
    follow_card_events,
    list_certificates,
    import_certificate,
    erase_certificate,
    read_calendar,
    list_successions,
    rehearse_certificate,
    switch_certificate,
    call_certificate_back,
    pair_workstation,
    open_pairing,
    close_pairing,
    dismiss_reset,
    list_workstations,
    add_workstation,
    rename_workstation,
    renew_workstation,
    revoke_workstation,
)
_STRICT = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer that has not its own. No HSTS: the authority is the box's own."""


def create_application(relay: Relay, *, limits: Limits, pages: Sequence[ControllerRouterHandler]) -> Litestar:
    """The application; `pages` are the handlers of the practice's page."""

    async def provide_caller(request: Request[Any, Any, Any]) -> Caller:
        return await caller_of(request, relay)

    def router(path: str, routes: Sequence[ControllerRouterHandler]) -> Router:
        return Router(
            path=path,
            route_handlers=list(routes),
            dependencies={
                "relay": Provide(lambda: relay, sync_to_thread=False),
                "limits": Provide(lambda: limits, sync_to_thread=False),
                "caller": Provide(provide_caller),
            },
            guards=[check_once],
            request_max_body_size=None,
        )

    return Litestar(
        route_handlers=[router(BASE, _ROUTES), router(ESIGNSANTE, ESIGNSANTE_ROUTES), *pages],
        exception_handlers=HANDLERS,
        before_send=[_be_strict, _name_the_verbs],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


async def _name_the_verbs(message: Message, scope: Scope) -> None:
    """Litestar 2.25 answers OPTIONS with the verbs of the first handler of a path only."""
    if message["type"] == "http.response.start" and scope.get("method") == HttpMethod.OPTIONS:
        routes = scope["litestar_app"].routes
        verbs = {one for route in routes if route.path_format == scope.get("path_template") for one in getattr(route, "methods", ())}
        if verbs:
            MutableScopeHeaders.from_message(message)["Allow"] = ", ".join(sorted(verbs))


async def _be_strict(message: Message, scope: Scope) -> None:
    del scope
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in _STRICT.items():
            headers.setdefault(name, value)
