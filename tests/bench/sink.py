"""The barest HTTPS server: reads a request to its end and answers 204. Run as a process of its own: `python -m tests.bench.sink FOLDER`.

Its certificate is made at run time in FOLDER, where `sink.json` tells its port once it listens.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
from pathlib import Path

from tests.trust.pki import SERVER, Pki

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


async def serve(folder: Path) -> None:
    """Listen on a free port until killed."""
    pki = Pki.create()
    leaf = pki.issue(SERVER)
    (folder / "ca.pem").write_bytes(pki.anchors_pem)
    (folder / "leaf.pem").write_bytes(leaf.pem + leaf.chain_pem + leaf.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem")
    server = await asyncio.start_server(_swallow, "127.0.0.1", 0, ssl=context, limit=1 << 20)
    (folder / "sink.part").write_text(json.dumps({"port": server.sockets[0].getsockname()[1]}))
    (folder / "sink.part").rename(folder / "sink.json")
    await server.serve_forever()


async def _swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = _LENGTH.search(head)
            await reader.readexactly(int(found[1]) if found else 0)
            writer.write(_ANSWER)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
