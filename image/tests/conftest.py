"""One image, built once; a sandbox of national services on the host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.tests.sandbox import HostSandbox

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def disk() -> Path:
    """The image for virtual machines."""
    words = [sys.executable, "-m", "image.build", "pc-test", "--compression", "lz4"]
    done = subprocess.run(words, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSandbox]:
    """The services that the virtual machine reaches on its host."""
    with HostSandbox(tmp_path_factory.mktemp("services")) as services:
        yield services
