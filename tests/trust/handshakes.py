"""A TLS handshake without a socket: what each end showed to the other."""

from __future__ import annotations

import contextlib
import ssl


def shown(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> tuple[bytes | None, bytes | None]:
    """DER of the certificates shown by the server and by the client."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=name)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for end in (one, other) * 3:
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return one.getpeercert(binary_form=True), other.getpeercert(binary_form=True)
