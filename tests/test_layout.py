"""The shape of the house, without any tool: one direction between the packages, small files, no rooms without a noun."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("firmware", "gateway", "provisioning")
JUDGED = ("model", "xml", "trust", "journal", "wire", "ins", "cda", "xds", "dmp", "mss", "flow", "health")
FORBIDDEN = {
    "firmware": ("gateway", "provisioning"),
    "gateway": ("provisioning",),
    "gateway/sandbox": tuple(
        f"gateway.{room}" for room in (*JUDGED, "api", "app", "bus", "commands", "composition", "doors", "remotes", "web")
    ),
    "gateway/api": ("gateway.wire", "gateway.journal"),
    "gateway/web": ("gateway.wire", "gateway.journal"),
    "gateway/doors": ("gateway.wire", "gateway.journal"),
}
NAMELESS = {"utils", "util", "helpers", "helper", "manager", "managers", "misc", "common"}
LONGEST = 500


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_go_one_way(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(folder)
        for name in imported(path)
        if any(name == banned or name.startswith(f"{banned}.") for banned in FORBIDDEN[folder])
    ]
    assert wrong == []


def test_no_file_is_long() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in sources(*PACKAGES, "tests")}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_every_module_is_named_after_a_noun() -> None:
    assert [path for path in sources(*PACKAGES, "tests") if NAMELESS & {path.stem, path.parent.name}] == []
