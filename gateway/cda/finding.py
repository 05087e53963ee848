"""One rule that a document breaks: its stable name, the place, and a French sentence. Never a value of the document."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """A broken rule; `path` is made of element names from the header down."""

    rule: str
    path: str
    what: str
