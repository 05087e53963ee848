"""From an HTTP answer of the DMP to the element it carries, or to the error it stands for (dmp.md section 6).

Never looks at the status alone when there is a fault to read. What a feed and a query differ in is only this: an answer that cannot be
understood leaves a feed unsettled, and a query to be asked again.
"""

from __future__ import annotations

from typing import NoReturn

from lxml import etree

from gateway.dmp.error_table import error_of_fault, error_of_refusal
from gateway.dmp.errors import AddressRefused, DmpTooLarge, DmpUnavailable, FeedUnsettled, FromDmp, QueryUnreadable, RefusedUnknown
from gateway.wire.http import HttpResponse
from gateway.wire.soap import AnswerUnreadable, SoapFault, read_envelope
from gateway.xds.registry_answer import RegistryRefusal, UnexpectedAnswer

_FRONT_END = frozenset({429, 502, 503, 504})
_NOT_THE_SERVICE = frozenset({401, 403, 404, 405, 407, 410})


def read_answer(response: HttpResponse, *, feed: bool) -> etree._Element:
    """The first element of the SOAP body; raises one of FromDmp. `feed` says that the call may have committed something."""
    try:
        element = read_envelope(response.body, response.headers.get("content-type", ""))
    except SoapFault as fault:
        error = error_of_fault(fault)
        if isinstance(error, RefusedUnknown) and response.status in _FRONT_END:
            error = _without_envelope(response.status, error.technical, feed=feed)
        refuse(error, response)
    except AnswerUnreadable as problem:
        refuse(_without_envelope(response.status, problem.technical, feed=feed), response)
    if response.status >= 400:
        refuse(_without_envelope(response.status, "status and envelope disagree", feed=feed), response)
    return element


def refuse(error: FromDmp, response: HttpResponse) -> NoReturn:
    """Raise the error with the whole answer for the proof."""
    error.answer = response.body
    raise error from None


def refuse_registry(problem: RegistryRefusal | UnexpectedAnswer, response: HttpResponse, *, feed: bool) -> NoReturn:
    """Raise what a refusal or an unexpected answer of the registry stands for."""
    if isinstance(problem, RegistryRefusal):
        refuse(error_of_refusal(problem), response)
    refuse((FeedUnsettled if feed else QueryUnreadable)(problem.technical), response)


def _without_envelope(status: int, technical: str, *, feed: bool) -> FromDmp:
    detail = f"HTTP {status}, {technical}"
    if status in (429, 503):
        return DmpUnavailable(detail)
    if status == 413:
        return DmpTooLarge(detail)
    if status in _NOT_THE_SERVICE or 300 <= status < 400:
        return AddressRefused(detail)
    if 400 <= status < 500:
        return RefusedUnknown(detail)
    return (FeedUnsettled if feed else QueryUnreadable)(detail)
