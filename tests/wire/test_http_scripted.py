"""The scripted port keeps the promises of the seam."""

from __future__ import annotations

import pytest

from gateway.wire.http import AnswerLost, HttpPort, HttpRequest, HttpResponse, PeerUnreachable
from gateway.wire.http_scripted import ScriptedPort

REQUEST = HttpRequest(method="POST", url="https://dmp.test/x", body=b"question")


async def test_script_is_played_in_order_and_requests_are_kept() -> None:
    fixed = HttpResponse(status=200, headers={}, body=b"1")
    port = ScriptedPort([fixed, AnswerLost("lost")])
    port.expect(lambda request: HttpResponse(status=201, headers={}, body=request.body))
    seam: HttpPort = port
    assert await seam.send(REQUEST) is fixed
    with pytest.raises(AnswerLost):
        await seam.send(REQUEST)
    assert (await seam.send(REQUEST)).body == b"question"
    with pytest.raises(PeerUnreachable):
        await seam.send(REQUEST)
    await seam.close()
    assert port.requests == [REQUEST] * 4
    assert port.closed
