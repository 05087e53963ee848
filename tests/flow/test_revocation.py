"""Revocation lists: fetched where our own certificates say, believed when their authority signed them, kept when the next cannot be had."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.flow.revocation import RevocationWatch
from gateway.kernel.clock import FrozenClock
from gateway.sandbox.enrolment import Enrolment, EnrolRequest
from gateway.sandbox.pki import Pki
from gateway.trust.chain import read_authorities
from gateway.trust.keystore import KeyStore
from gateway.trust.revocation import RevocationLists
from gateway.trust.roles import Role
from gateway.trust.vault import open_vault
from gateway.wire.http import HttpResponse, PeerUnreachable
from gateway.wire.http_scripted import ScriptedPort

STRUCTURE = "10B0152872"


class Watched:
    """A box enrolled with an authority, and a line on which that authority may answer."""

    def __init__(self, folder: Path) -> None:
        self.pki = Pki(folder / "pki")
        anchors = self.pki.anchors_pem
        keys = KeyStore(folder, open_vault(folder, create=True))
        enrolled: dict[str, Any] = Enrolment(self.pki, lambda: "http://lists.test").enrol(
            EnrolRequest(structure=STRUCTURE, organisation="CABINET")
        )
        for role in (Role.AUTH_CLI, Role.SIGN):
            packed = enrolled[role]
            keys.import_pkcs12(STRUCTURE, role, base64.b64decode(packed["p12"]), packed["passphrase"], environment="test", anchors=anchors)
        self.lists = RevocationLists(folder, read_authorities(anchors))
        self.line = ScriptedPort()
        self.heeded: list[tuple[bytes, ...]] = []
        structures = (STRUCTURE, "10B0000000")
        self.watch = RevocationWatch(self.lists, keys, structures, self.line, FrozenClock(datetime.now(UTC)), self.heeded.append)


@pytest.fixture
def box(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def served(data: bytes, status: int = 200) -> HttpResponse:
    return HttpResponse(status=status, headers={}, body=data)


async def test_a_list_is_fetched_once_kept_and_heeded(box: Watched) -> None:
    box.line.expect(served(box.pki.crl_der))
    assert await box.watch.refresh() is True
    assert [one.url for one in box.line.requests] == ["http://lists.test/crl.der"], "both certificates name the same list"
    assert box.heeded == [box.lists.held()] == [(box.pki.crl_der,)]


@pytest.mark.parametrize("answer", [PeerUnreachable(), served(b"nothing"), served(b"", status=503)])
async def test_the_last_good_list_stays_when_the_next_cannot_be_had(box: Watched, answer: HttpResponse | PeerUnreachable) -> None:
    box.line.expect(served(box.pki.crl_der), answer)
    await box.watch.refresh()
    held = box.lists.held()
    assert await box.watch.refresh() is False
    assert box.lists.held() == held
    assert len(box.heeded) == 1


async def test_a_list_of_another_authority_is_not_believed(box: Watched, tmp_path: Path) -> None:
    box.line.expect(served(Pki(tmp_path / "other").crl_der))
    assert await box.watch.refresh() is False
    assert box.lists.held() == ()
    assert box.heeded == []
