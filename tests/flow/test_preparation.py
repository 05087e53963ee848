from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.flow.allowance import LargePlaces
from gateway.flow.identities.second_look import SecondLook
from gateway.flow.letter import Letters
from gateway.flow.preparation import Preparer
from gateway.journal.blobs import BlobStore
from gateway.journal.store import NotAccepting
from gateway.kernel.config import Limits
from tests.api.rig import Box, open_box
from tests.cda.headers import PDF as SOME_PDFA


def files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "blobs").rglob("*") if path.is_file())


def preparer(box: Box, work: Path) -> Preparer:
    """Of this box, with every payload in a file."""
    blobs = BlobStore(box.home, inline_bytes=0)
    custody = box.relay.reader._custody
    look = SecondLook(box.relay.admission._identities, enabled=True)
    return Preparer(box.configuration, box.store, blobs, custody, box.books, Letters(box.configuration), look, work, LargePlaces(Limits()))


async def test_a_preparation_that_cannot_be_recorded_leaves_no_payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = await open_box(tmp_path)
    receipt = await box.accept()
    record = await box.store.document(receipt["id"])
    assert record is not None
    before = files(tmp_path)

    async def full(*_changes: Any, **_more: Any) -> None:
        assert len(files(tmp_path)) == len(before) + 3, "the CDA and two mails are written"
        raise NotAccepting("disk full")

    async def converted(*_given: Any) -> bytes:
        return SOME_PDFA

    monkeypatch.setattr(Preparer, "_to_pdfa", converted)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(box.books, "write", full)
        for _ in range(2):
            with pytest.raises(NotAccepting):
                await preparer(box, tmp_path / "work").prepare(record)
            assert files(tmp_path) == before
    await preparer(box, tmp_path / "work").prepare(record)
    named = {one.id for one in await box.store.blobs_of(record.id)}
    assert set(files(tmp_path)) <= named
    assert len(files(tmp_path)) == len(before) + 3
