"""What the address of a request says, read strictly: each parameter once, never more tolerant than the OpenAPI document (contract 3).

The framework takes the word `null` for nothing where nothing is allowed, and the last of two values for the only one: two programs that
read the same address differently may act on two structures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar, get_args

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from gateway.api.problems import ParameterInvalid
from gateway.flow.decoding import is_plain
from gateway.flow.identities.views import Task

LONGEST_LOCAL_ID = 128
LONGEST_STRUCTURE = 40

Form = Literal["json", "txt", "svg", "png"]
"""How a datamatrix may be given."""

FORMS: tuple[Form, ...] = get_args(Form)
TASKS: tuple[Task, ...] = get_args(Task)

Who = Annotated[str | None, QueryParameter(name="structure", max_length=LONGEST_STRUCTURE)]
"""The structure asked for; needed when the workstation has several."""

_Word = TypeVar("_Word", bound=str)
_SLASH = re.compile("%2f", re.IGNORECASE)


def check_once(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard of every route: raises ParameterInvalid for a parameter given twice, named when the route knows it."""
    del handler
    said = connection.query_params
    for name in set(said):
        if len(said.getall(name)) > 1:
            raise ParameterInvalid(field=name if name in _KNOWN else None)


def one_of(words: Sequence[_Word], text: str | None, field: str) -> _Word | None:
    """The word that a text is, None when none was given; raises ParameterInvalid."""
    found = next((word for word in words if word == text), None)
    if text is not None and found is None:
        raise ParameterInvalid(field=field)
    return found


def local_id_of(raw: str) -> str:
    """The local id that a path gives, percent signs undone once by the framework; raises ParameterInvalid.

    A slash parts a path even when it is written `%2F`: that of a local id is written `%252F`, and arrives here as `%2F`.
    """
    text = _SLASH.sub("/", raw)
    if not 0 < len(text) <= LONGEST_LOCAL_ID or not is_plain(text):
        raise ParameterInvalid(field="local_id")
    return text


_KNOWN = frozenset(
    {"structure", "format", "task", "cursor", "limit", "kind", "when", "state", "patient", "since", "slot", "insertion_id", "use"}
)
"""A name that is none of ours may be anything, a patient's included: never echoed."""
