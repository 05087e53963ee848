"""`python -m tests.api.weighed FOLDER`: a box that takes large documents, alone in its process so that its memory can be measured.

Prints its port and token, and serves until its standard input is closed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.kernel.config import Limits
from tests.api.rig import open_box, served

LIMIT = 25_000_000


async def main(folder: Path) -> None:
    box = await open_box(folder, limits=Limits(document_bytes=LIMIT, disk_reserve_bytes=0))
    async with served(box) as here:
        print(here.port, box.token, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
