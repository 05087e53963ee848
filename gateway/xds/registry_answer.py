"""What a registry or repository answers: `rs:RegistryResponse` and the errors in it (dmp.md section 6).

Never decides what an error means for the queue: that table is the DMP room's. The context of an error is free text that may name a
patient: only rule numbers are taken out of it.
"""

from __future__ import annotations

import re

import msgspec
from lxml import etree

from gateway.kernel.errors import RelaisError, TransientFault

RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
_SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
_RULE = re.compile(r"\b(?:(?:EX|REC|RG)_[0-9A-Z.]+-[0-9]+|dmp\.[a-z0-9]+(?:[.-][a-z0-9]+)*)")


class RegistryError(msgspec.Struct, frozen=True, kw_only=True):
    """One error: its code, and the rule numbers named by its context."""

    code: str
    rules: tuple[str, ...] = ()


class UnexpectedAnswer(TransientFault):
    """A well-formed answer that is not the one expected."""

    code = "answer-unreadable"
    what = "Le service a renvoyé une réponse inattendue."
    gesture = "Aucune action : l'envoi reprendra tout seul. Si cela dure, prévenez votre installateur."


class RegistryRefusal(RelaisError):
    """A status other than Success; `errors` in the order of the answer, warnings left out."""

    code = "registry-refusal"
    title = "Envoi refusé par le service"

    def __init__(self, status: str, errors: tuple[RegistryError, ...]) -> None:
        super().__init__(" ".join([status, *(" ".join((error.code, *error.rules)) for error in errors)]))
        self.answered_status = status
        self.errors = errors


def read_registry_response(answer: etree._Element) -> None:
    """Returns on Success (warnings allowed); raises RegistryRefusal, or UnexpectedAnswer when it is no RegistryResponse."""
    if answer.tag != f"{{{RS}}}RegistryResponse":
        raise UnexpectedAnswer("not a RegistryResponse")
    check_status(answer)


def check_status(answer: etree._Element) -> None:
    """The same for any answer that carries a status and a RegistryErrorList."""
    status = answer.get("status", "")
    if status == _SUCCESS:
        return
    if not status:
        raise UnexpectedAnswer("no status")
    errors = answer.iterfind(f"{{{RS}}}RegistryErrorList/{{{RS}}}RegistryError")
    raise RegistryRefusal(_word(status), tuple(_error(error) for error in errors if not error.get("severity", "").endswith(":Warning")))


def _error(error: etree._Element) -> RegistryError:
    return RegistryError(code=_word(error.get("errorCode", "")), rules=tuple(_RULE.findall(error.get("codeContext", ""))))


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "", re.split(r"[:#]", text)[-1])[:64]
