"""The system tools that tests judge with: xmlsec1, xmllint, openssl, gs, qpdf, chromium... (tests/debian-packages.txt)."""

from __future__ import annotations

import shutil

from tests.shared import missing


def need_tool(name: str) -> str:
    """The full path of a program on PATH; skips the test when it is not installed, fails it under RELAIS_REQUIRE_ALL=1."""
    found = shutil.which(name)
    if found is None:
        missing(f"the program {name} is not installed")
    return found
