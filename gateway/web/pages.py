"""The handlers of the practice's page, ready to be joined to the application by the composition root."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from gateway.flow.relay import Relay
from gateway.kernel.clock import Clock, SystemClock
from gateway.web.access import show_sign_in, sign_in, sign_out, visitor_of
from gateway.web.acts import act_on_delivery, cancel
from gateway.web.assets import show_asset
from gateway.web.batches import show_batches, start_batch, stop_batch
from gateway.web.box import act_on_box, show_box
from gateway.web.calendar import show_calendar
from gateway.web.certificates import act_on_certificate, show_certificates, take_certificate
from gateway.web.documents import download_proof, show_document, show_home
from gateway.web.identities import show_datamatrix, show_identity, show_worklist
from gateway.web.identity_acts import act_on_identity
from gateway.web.persons import stand_up
from gateway.web.readers import act_on_reader, show_readers
from gateway.web.refusals import HANDLERS, show_nothing
from gateway.web.scanners import act_on_scanner, begin_test, show_scanners, show_test
from gateway.web.sessions import Sessions

_LARGEST_FORM = 16_384

_ROUTES: tuple[ControllerRouterHandler, ...] = (
    show_sign_in,
    sign_in,
    sign_out,
    show_home,
    show_document,
    download_proof,
    cancel,
    act_on_delivery,
    show_worklist,
    stand_up,
    show_identity,
    show_datamatrix,
    act_on_identity,
    show_batches,
    start_batch,
    stop_batch,
    show_certificates,
    show_calendar,
    take_certificate,
    act_on_certificate,
    show_readers,
    act_on_reader,
    show_scanners,
    show_test,
    begin_test,
    act_on_scanner,
    show_box,
    act_on_box,
    show_asset,
    show_nothing,
)


def create_pages(relay: Relay, *, secret: bytes, clock: Clock | None = None) -> Sequence[ControllerRouterHandler]:
    """The page over a relay. `secret` keys sessions and forms, at least 32 bytes; `clock` tells what today is."""
    told_by: Clock = clock or SystemClock()
    sessions = Sessions(secret, told_by.monotonic)
    pages = Router(
        path="/",
        route_handlers=list(_ROUTES),
        dependencies={
            "relay": Provide(lambda: relay, sync_to_thread=False),
            "sessions": Provide(lambda: sessions, sync_to_thread=False),
            "now": Provide(told_by.now, sync_to_thread=False),
            "visitor": Provide(visitor_of),
        },
        exception_handlers=HANDLERS,
        request_max_body_size=_LARGEST_FORM,
        include_in_schema=False,
    )
    return (pages,)
