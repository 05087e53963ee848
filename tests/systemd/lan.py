"""A box and a neighbour on a cable of their own: two network namespaces and a pair of interfaces, gone at the end. Needs root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.shared import missing
from tests.tools import need_tool

BOX, NEIGHBOUR = "192.168.77.1", "192.168.77.2"
BOX6, NEIGHBOUR6 = "fd77::1", "fd77::2"
BOX_PUBLIC, STRANGER = "203.0.113.1", "203.0.113.2"
"""The documentation's own addresses, for what is not of the LAN."""

_SERVER = """
import asyncio, sys

class Heard(asyncio.DatagramProtocol):
    def datagram_received(self, data, address):
        print("heard", data.decode(), flush=True)

async def main():
    loop = asyncio.get_running_loop()
    for port in sys.argv[1].split(","):
        await asyncio.start_server(lambda reader, writer: writer.close(), ["0.0.0.0", "::"], int(port))
    for port in sys.argv[2].split(","):
        await loop.create_datagram_endpoint(Heard, ("0.0.0.0", int(port)))
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
_BECOME = """
import encodings.idna, json, os, socket, sys
from concurrent.futures import ThreadPoolExecutor
if len(sys.argv) > 2:
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
"""
"""Another user once all is loaded: the interpreter of the tests may lie where nobody else can read."""
_CALLER = """
def call(one):
    host, port, source = one
    try:
        socket.create_connection((host, port), 1.0, (source, 0) if source else None).close()
    except OSError as problem:
        return type(problem).__name__
    return "reached"

asked = json.loads(sys.argv[1])
with ThreadPoolExecutor(32) as pool:
    print(json.dumps(list(pool.map(call, asked))))
"""
_TELLER = """
for host, port, word in json.loads(sys.argv[1]):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        try:
            plug.sendto(word.encode(), (host, port))
        except PermissionError:
            print("refused", word)
"""


def _run(*command: str, said: str | None = None) -> str:
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@dataclass
class Side:
    """One end of the cable."""

    name: str
    servers: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *command: str, said: str | None = None) -> str:
        """What a command prints there."""
        return _run("ip", "netns", "exec", self.name, *command, said=said)

    def serve(self, tcp: Sequence[int], udp: Sequence[int]) -> None:
        """Listen on these ports, of both families for TCP."""
        words = [",".join(map(str, ports)) for ports in (tcp, udp)]
        command = ["ip", "netns", "exec", self.name, sys.executable, "-I", "-c", _SERVER, *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.servers.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    def call(self, *places: tuple[str, int], user: int | None = None, source: str | None = None) -> list[str]:
        """How each connection went: `reached`, or the name of the fault; a silence is a TimeoutError."""
        asked = json.dumps([[host, port, source] for host, port in places])
        said: list[str] = json.loads(self.run(sys.executable, "-I", "-c", _BECOME + _CALLER, asked, *_named(user)))
        return said

    def tell(self, *datagrams: tuple[str, int, str], user: int | None = None) -> str:
        """Send these words; what was refused at once."""
        return self.run(sys.executable, "-I", "-c", _BECOME + _TELLER, json.dumps(datagrams), *_named(user))

    def heard(self) -> str:
        """The next datagram, waited for."""
        stream = self.servers[-1].stdout
        assert stream is not None
        return stream.readline().strip()


def _named(user: int | None) -> list[str]:
    return [] if user is None else [str(user)]


@contextmanager
def cable() -> Iterator[tuple[Side, Side]]:
    """The box and its neighbour, addressed in both families; the neighbour also plays the Internet."""
    need_tool("ip")
    if os.geteuid() != 0:
        missing("only root makes network namespaces")
    names = [f"relais-{side}-{os.getpid()}" for side in ("box", "lan")]
    box, neighbour = (Side(name) for name in names)
    made: list[str] = []
    try:
        for name in names:
            _run("ip", "netns", "add", name)
            made.append(name)
        _run("ip", "link", "add", "lan0", "netns", box.name, "type", "veth", "peer", "name", "lan0", "netns", neighbour.name)
        for side, addresses in ((box, (BOX, BOX6, BOX_PUBLIC)), (neighbour, (NEIGHBOUR, NEIGHBOUR6, STRANGER))):
            for address in addresses:
                side.run(
                    "ip", "address", "add", f"{address}/{64 if ':' in address else 24}", "dev", "lan0", *(["nodad"] * (":" in address))
                )
            for link in ("lo", "lan0"):
                side.run("ip", "link", "set", link, "up")
        yield box, neighbour
    finally:
        for side in (box, neighbour):
            for process in side.servers:
                process.kill()
                process.communicate()
        for name in made:
            _run("ip", "netns", "delete", name)
