from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.health.check import Severity, Site
from gateway.health.checks import text_reader
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import Identification
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of


def site(home: Path, *, compare_text: bool) -> Site:
    configuration = msgspec.structs.replace(configuration_of(), identification=Identification(compare_text=compare_text))
    keys = KeyStore(home, open_vault(home, create=True))
    return Site(home=home, configuration=configuration, store=MemoryStore(), keys=keys, clock=SystemClock())


@pytest.mark.parametrize(
    ("installed", "compare_text", "severity", "package"),
    [
        (("pdftotext", "prlimit"), True, Severity.OK, ""),
        (("prlimit",), True, Severity.WARNING, "poppler-utils"),
        (("pdftotext",), True, Severity.WARNING, "util-linux"),
        ((), False, Severity.OK, ""),
    ],
)
async def test_a_missing_reader_is_told_with_its_package_only_when_texts_are_compared(
    installed: tuple[str, ...], compare_text: bool, severity: Severity, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in installed:
        (programs / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(programs))
    [result] = await text_reader.check(site(tmp_path, compare_text=compare_text))
    assert (result.check, result.severity) == ("text-reader", severity)
    assert package in result.gesture
    assert bool(result.gesture) is (severity is Severity.WARNING)
