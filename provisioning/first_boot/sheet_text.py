"""The text of the sheet taken apart: the settings that stay, the same sheet without its secrets, and the papers left beside it. Pure."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from provisioning.first_boot.faults import Fault
from provisioning.first_boot.sheet import TABLE

_SECRETS: Final = ("passphrase", "homologation", "operator_code")
_HEADER: Final = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_-]+)")
_SECRET: Final = re.compile(rf"(\s*(?:{'|'.join(_SECRETS)})\s*=\s*).*")
_LISTENER: Final = re.compile(r"^\s*\[\s*listener\s*\].*$", re.MULTILINE)


def settings_text(text: str, names: Sequence[str]) -> str:
    """relais.toml of the home: the sheet without what serves once, comments kept; `names` where it gives none itself."""
    kept = "".join(line for line, ours in _lines(text) if not ours)
    if "names" in tomllib.loads(kept).get("listener", {}):
        return kept
    named = f"names = {json.dumps(list(names), ensure_ascii=False)}"
    if _LISTENER.search(kept):
        return _LISTENER.sub(lambda header: f"{header.group(0)}\n{named}", kept, count=1)
    return f"{kept.rstrip()}\n\n[listener]\n{named}\n"


def blanked_text(text: str) -> str:
    """The sheet with empty secrets; without `[first_boot]` at all where one is written in a way that lines cannot tell."""
    blanked = "".join(_SECRET.sub(r'\1""  # effacé après usage', line) if ours else line for line, ours in _lines(text))
    try:
        left = list(_secrets(tomllib.loads(blanked).get(TABLE, {})))
    except tomllib.TOMLDecodeError:
        left = ["?"]
    return "".join(line for line, ours in _lines(text) if not ours) if left else blanked


def refusal_text(faults: Sequence[Fault]) -> str:
    """What is to be mended, fault by fault."""
    head = ["Ce fichier de réglages n'a pas été accepté : rien n'a été installé.", "Corrigez relais.toml, puis redémarrez le boîtier.", ""]
    return "\n".join([*head, *(_told(one) for one in faults)]) + "\n"


def _told(fault: Fault) -> str:
    where = f"Ligne {fault.line}" if fault.line is not None else "Fichier"
    return f"- {where}{f', « {fault.name} »' if fault.place else ''} : {fault.what}."


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is of `[first_boot]`."""
    ours = False
    for line in text.splitlines(keepends=True):
        header = _HEADER.match(line)
        if header:
            ours = header.group(1) == TABLE
        yield line, ours


def _secrets(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            if name in _SECRETS and value:
                yield name
            yield from _secrets(value)
    elif isinstance(data, list):
        for one in data:
            yield from _secrets(one)
