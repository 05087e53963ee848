"""The JSON of a caller, decoded into frozen values with the field at fault named (contract section 3).

A name that the contract does not know may be a patient's, written by a program that mistook a value for a name: never echoed, and neither
is any value.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import takewhile
from typing import TypeVar

import msgspec

from gateway.kernel.errors import Refused

_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_NAMED = re.compile(r"(?:missing required|unknown) field `([^`]*)`")
_ELEMENT = re.compile(r"\[[^\]]*\]")
_RANK = re.compile(r"\[[0-9]+\]")
_NOT_JSON = "ce n'est pas du JSON en UTF-8"

_T = TypeVar("_T", bound=msgspec.Struct)


class RequestInvalid(Refused):
    """The JSON is not the contract's: `field` says where."""

    code = "request-invalid"
    title = "Demande mal formée"
    what = "La demande ne respecte pas le format attendu : {fault}."
    gesture = "Faites corriger par l'éditeur le champ indiqué, puis renvoyez la demande."

    def __init__(self, technical: str = "", *, field: str | None = None, fault: str = "ce champ n'a pas la forme attendue") -> None:
        super().__init__(technical, field=field, fault=fault)


def decode(data: bytes | bytearray, kind: type[_T]) -> _T:
    """The value; raises RequestInvalid with the dotted path of the field at fault, `request` when it is the whole."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as problem:
        raise RequestInvalid(field=_field_of(str(problem), kind), **_fault_of(problem)) from None
    except (UnicodeDecodeError, RecursionError):
        raise RequestInvalid(field="request", fault=_NOT_JSON) from None


def is_plain(text: str) -> bool:
    """Something to read on one line; the spaces of French typography, which Python does not call printable, included."""
    return bool(text.strip()) and all(character.isprintable() or unicodedata.category(character) == "Zs" for character in text)


def _fault_of(problem: msgspec.DecodeError) -> dict[str, str]:
    message = str(problem)
    if not isinstance(problem, msgspec.ValidationError):
        return {"fault": _NOT_JSON}
    if message.startswith("Object missing required field"):
        return {"fault": "ce champ manque"}
    if message.startswith("Object contains unknown field"):
        return {"fault": "ce champ, ou un champ qu'il contient, n'est pas prévu à cet endroit"}
    return {}


def _field_of(message: str, kind: type[msgspec.Struct]) -> str:
    place = _AT.search(message)
    named, known = _NAMED.search(message), _names_of(kind)
    parts = list(filter(None, place.group(1).split("."))) if place else []
    told = [_ranked(one) for one in takewhile(lambda one: _ELEMENT.sub("", one) in known, parts)]
    if named and named.group(1) in known and len(told) == len(parts):
        told.append(named.group(1))
    return ".".join(told) or "request"


def _ranked(part: str) -> str:
    """A name of the contract with its rank in a list; nothing else that a path may hold between brackets."""
    return _ELEMENT.sub("", part) + "".join(_RANK.findall(part))


@cache
def _names_of(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Every name of the contract in this value and what it holds."""
    _, schemas = msgspec.json.schema_components((kind,))
    return frozenset(name for schema in schemas.values() for name in schema.get("properties", ()))
