"""How workstations are called: by a name of their own in the whole box, readable and without surprise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from gateway.flow.caller import OPERATOR
from gateway.flow.workstations.errors import WorkstationNameTaken
from gateway.journal.records import WorkstationRecord

NAMES: Final = "workstation names"
"""The lock (`Bookkeeper.alone_with`) under which a name is looked at and taken."""

_LETTER = "0-9A-Za-zÀ-ÖØ-öø-ÿŒœ"
NAME_PATTERN: Final = rf"^[{_LETTER}]([{_LETTER} '’.()_-]{{0,38}}[{_LETTER}.)])?(?![\s\S])"

Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN, max_length=40)]
"""How people call a workstation."""


def check_free(name: str, known: Iterable[WorkstationRecord]) -> None:
    """Raises WorkstationNameTaken for the name of one in force, whatever its case, and for the operator's."""
    taken = {one.name.casefold() for one in known if not one.revoked} | {OPERATOR}
    if name.casefold() in taken:
        raise WorkstationNameTaken(field="name")
