"""A port made at its first request, once, whoever asks at the same time."""

from __future__ import annotations

import asyncio

from gateway.wire.http import HttpPort, HttpRequest, HttpResponse
from gateway.wire.http_late import LatePort
from gateway.wire.http_scripted import ScriptedPort

ASKED = HttpRequest(method="POST", url="https://dmp.test/", headers=(), body=b"")


async def test_the_port_is_made_once_and_answers_everybody() -> None:
    answer = HttpResponse(status=200, headers={}, body=b"oui")
    scripted, made = ScriptedPort([answer] * 5), []

    def make() -> HttpPort:
        made.append(True)
        return scripted

    late = LatePort(make)
    assert made == []
    answers = await asyncio.gather(*(late.send(ASKED) for _ in range(5)))
    assert (answers, made) == ([answer] * 5, [True])
    await late.close()


async def test_a_port_nobody_used_is_never_made() -> None:
    def make() -> HttpPort:
        raise AssertionError("made for nothing")

    await LatePort(make).close()
