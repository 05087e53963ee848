from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.journal.memory import MemoryStore
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import Store
from gateway.trust.vault import DataKey, open_vault


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "home" / "journal.sqlite")
    yield store
    await store.close()


@pytest.fixture(params=["sqlite", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made: Store = await SqliteStore.open(tmp_path / "journal.sqlite") if request.param == "sqlite" else MemoryStore()
    yield made
    await made.close()


@pytest.fixture
def key(tmp_path: Path) -> DataKey:
    return open_vault(tmp_path, create=True).new_key()
