"""The scripted implementation of the HTTP seam: answers are given in advance, requests are kept for the test to look at.

Never opens a connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from gateway.kernel.errors import RelaisError
from gateway.wire.http import HttpRequest, HttpResponse, PeerUnreachable

Answer = HttpResponse | RelaisError | Callable[[HttpRequest], HttpResponse]


class ScriptedPort:
    """An HttpPort that plays its script: a response is returned, an error raised, a function called with the request."""

    def __init__(self, answers: Iterable[Answer] = ()) -> None:
        self._answers: deque[Answer] = deque(answers)
        self.requests: list[HttpRequest] = []
        self.closed = False

    def expect(self, *answers: Answer) -> None:
        """Add answers at the end of the script."""
        self._answers.extend(answers)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The next answer of the script; PeerUnreachable when the script is over."""
        self.requests.append(request)
        if not self._answers:
            raise PeerUnreachable("the script is over")
        answer = self._answers.popleft()
        if isinstance(answer, RelaisError):
            raise answer
        return answer if isinstance(answer, HttpResponse) else answer(request)

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
