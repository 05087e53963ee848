"""What a box that was replaced asks of its successor, over real TLS."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from gateway.flow.fencing.fence import Fence
from gateway.flow.fencing.witnesses import PeerWitness
from gateway.remotes import http_port
from gateway.trust.epoch import Epoch, following, keep_epoch, own_epoch, stated
from gateway.trust.lan import LanAuthority
from gateway.trust.tls import client_context
from gateway.trust.vault import open_vault
from gateway.wire.http import HttpPort
from tests.api.rig import open_box, served


async def test_the_successor_of_a_box_answers_at_its_address_and_is_believed(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    old = Epoch(home="ab", generation=1, box="01")
    keep_epoch(tmp_path / "new", following(old))
    box = await open_box(tmp_path / "new")
    async with served(box) as new:
        authority = LanAuthority(box.home, open_vault(box.home))

        def port() -> HttpPort:
            return http_port(client_context(None, authority.certificate_path.read_bytes()), connect_seconds=5, answer_seconds=5)

        answer = await asked(new.url, new.trust)
        assert stated(answer.content, authority) == own_epoch(box.home)
        (tmp_path / "old").mkdir()
        fence = Fence(tmp_path / "old", old, [PeerWitness(new.url, port, authority)], box.clock, statement=box.relay.fence.statement)
        await fence.look()
        assert fence.stopped is not None
        assert fence.stopped.epoch == own_epoch(box.home)
        box.relay.fence.check()


async def asked(url: str, trust: object) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, verify=trust) as client:  # type: ignore[arg-type]
        return await client.get("/api/v1/epoch")


async def test_a_stranger_with_another_authority_is_not_heard(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    box = await open_box(tmp_path / "new")
    (tmp_path / "own").mkdir()
    own = LanAuthority(tmp_path / "own", open_vault(tmp_path / "own", create=True))
    own.identity(("localhost",), box.clock.now())
    async with served(box) as new:
        context = client_context(None, own.certificate_path.read_bytes())
        assert await PeerWitness(new.url, lambda: http_port(context, connect_seconds=5, answer_seconds=5), own).highest() is None


@pytest.mark.parametrize("why", ["replaced", "retired"])
async def test_a_stopped_box_refuses_documents_and_says_why(tmp_path: Path, why: str) -> None:
    (tmp_path / "replaced.json").write_text(f'{{"why": "{why}", "at": 1}}')
    box = await open_box(tmp_path)
    async with served(box) as here, here.client() as client, here.client(None) as stranger:
        parts = {"request": (None, b"{}", "application/json"), "file": ("a.pdf", b"%PDF-1.4", "application/pdf")}
        answer = await client.post("/api/v1/documents", files=parts)
        assert (answer.status_code, answer.json()["code"]) == (503, f"box-{why}")
        status = (await client.get("/api/v1/status")).json()
        assert (status["accepting"], status["ok"], status["replaced"]["code"]) == (False, False, f"box-{why}")
        assert (await stranger.get("/api/v1/status")).json() == {"ok": False}
