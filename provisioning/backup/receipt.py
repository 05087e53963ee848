"""The receipt of a box put out of service: what the restoration of its backup asks for.

A code of 80 bits that only the former box could make (its box key) and that whoever opens its backup can check. Carried by a person.
"""

from __future__ import annotations

import hmac
import re
import unicodedata

from gateway.trust.epoch import Epoch
from gateway.trust.vault import Vault

SENTENCE = "l'ancien boîtier est hors service"
_DIGITS = 20


def receipt_of(epoch: Epoch, vault: Vault) -> str:
    """Five groups of four characters."""
    code = _code(epoch, vault)
    return "-".join(code[start : start + 4] for start in range(0, _DIGITS, 4))


def is_receipt_of(typed: str, epoch: Epoch, vault: Vault) -> bool:
    """True for that receipt, whatever the case, blanks and hyphens."""
    code = re.sub(r"[^0-9A-F]", "", typed.upper())
    return hmac.compare_digest(code, _code(epoch, vault))


def says_out_of_service(sentence: str | None) -> bool:
    """True for the sentence, accents and apostrophe as they come."""
    return sentence is not None and _bare(sentence) == _bare(SENTENCE)


def _code(epoch: Epoch, vault: Vault) -> str:
    return vault.pseudonym("retirement", f"{epoch.home}/{epoch.generation}/{epoch.box}")[:_DIGITS].upper()


def _bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("’", "'"))
    return " ".join("".join(one for one in decomposed if not unicodedata.combining(one)).strip(" .").split())
