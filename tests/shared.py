"""Where the official material lies that tests judge by; it stands beside the repository and is not part of it.

`RELAIS_SHARED` names another folder. Absent material skips the test, or fails it under `RELAIS_REQUIRE_ALL=1`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

SHARED = Path(os.environ.get("RELAIS_SHARED") or Path(__file__).resolve().parents[2] / "shared")


def need(*parts: str) -> Path:
    """The path of a file or folder under SHARED; skips the test when it is not there."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        missing("/".join(("../shared", *parts)) + " is not here")
    return path


def missing(reason: str) -> NoReturn:
    """Skip the running test with this reason, or fail it under RELAIS_REQUIRE_ALL=1."""
    if os.environ.get("RELAIS_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
