"""Starts, kills and restarts `relais sandbox` and `relais serve`; ends only what it started, by pid."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typing_extensions import override

ROOT = Path(__file__).resolve().parents[2]
STRUCTURE = "10B0152872"
_START = 60.0

QUICK = """
[identification]
compare_text = false

[retry]
dead_after = 5
probe_every = 0.5
mail_unknown_wait = 0.3

[retry.transient]
floor = 0.2
ceiling = 1.0
give_up = 600.0

[retry.configuration]
floor = 0.3
ceiling = 1.0
give_up = 600.0

[retry.unknown]
floor = 0.2
ceiling = 1.0
give_up = 600.0
"""
"""Waits short enough for a test; the policy is the same. Invented patients share one example document: its text is not compared."""


def environment() -> dict[str, str]:
    """Ours, with bytecode kept: compiling everything anew at each start would take longer than the start itself."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Started:
    """One of our commands, running."""

    def __init__(self, ready: Path, *arguments: str) -> None:
        self._ready = ready
        self._arguments = arguments
        self.process: subprocess.Popen[bytes] | None = None
        self.took = 0.0
        """Seconds of its last start: what a test may ask of this machine at this hour."""
        self.log = ready.parent.parent / f"{ready.parent.name}.log"

    def start(self) -> dict[str, Any]:
        """Run it and wait until it is ready; what it wrote then."""
        self._ready.unlink(missing_ok=True)
        self._launch()
        begun = time.monotonic()
        deadline = begun + _START
        while not self._ready.exists():
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self._arguments[0]} did not start:\n{self.told()}")
            time.sleep(0.02)
        self.took = time.monotonic() - begun
        facts: dict[str, Any] = json.loads(self._ready.read_bytes())
        return facts

    def told(self) -> str:
        """The end of what it wrote."""
        with self.log.open("rb") as log:
            return log.read(1_000_000)[-4000:].decode(errors="replace")

    def _launch(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", *self._arguments],
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env=environment(),
                start_new_session=True,
            )

    def kill(self) -> None:
        """As a power cut: SIGKILL."""
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> int:
        """Politely; the exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(20)
        self.kill()
        return -9


class Sandbox(Started):
    """The simulated services, and their control port."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "sandbox.json", "sandbox", "--home", str(folder))
        self.folder = folder
        self.facts: dict[str, Any] = {}

    @override
    def start(self) -> dict[str, Any]:
        """Run it; sandbox.json."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.facts = super().start()
        return self.facts

    def control(self, path: str, body: object | None = None) -> Any:
        """GET, or POST with a body, on the control port."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.facts['control']}{path}", data=data, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def fault(self, service: str, fault: str, count: int = 1, **options: object) -> None:
        """Arm a fault."""
        self.control("/faults", {"service": service, "fault": fault, "count": count, **options})

    def verdicts(self, service: str) -> list[dict[str, Any]]:
        """The judgement of every request received, in order."""
        return [json.loads(path.read_bytes()) for path in sorted((self.folder / "received" / service).glob("*.json"))]


class Gateway(Started):
    """A gateway enrolled against a sandbox."""

    def __init__(self, home: Path) -> None:
        super().__init__(home / "gateway.json", "serve", "--home", str(home))
        self.home = home
        self.facts: dict[str, Any] = {}

    def enrol(self, sandbox: Sandbox, *structures: str, settings: str = QUICK) -> None:
        """`relais init`, then waits short enough for tests."""
        named = [argument for one in structures for argument in ("--structure", one)]
        subprocess.run(
            [sys.executable, "-m", "gateway", "init", "--home", str(self.home), "--sandbox", str(sandbox.folder), *named],
            check=True,
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.DEVNULL,
        )
        path = self.home / "relais.toml"
        text = path.read_text().replace("[dmp]\n", "[dmp]\nprobe_wait_seconds = 0.3\n", 1)
        head, bracket, tail = text.partition("[[structures]]")
        path.write_text(f"{head}{settings}\n{bracket}{tail}")

    @override
    def start(self) -> dict[str, Any]:
        """Run it; gateway.json."""
        self.facts = super().start()
        return self.facts

    def start_again(self, within: float | None) -> None:
        """Start, but with `within` seconds given, be killed once more before being ready, then start for good."""
        if within is not None:
            self._ready.unlink(missing_ok=True)
            self._launch()
            time.sleep(within)
            self.kill()
        self.start()

    @property
    def token(self) -> str:
        """Of the paired workstation."""
        return (self.home / "workstation-token").read_text().strip()


@contextlib.contextmanager
def running(folder: Path, *structures: str, settings: str = QUICK, services: Path | None = None) -> Iterator[tuple[Sandbox, Gateway]]:
    """A sandbox (in `services` when it lies elsewhere) and a gateway enrolled against it, both stopped at the end."""
    sandbox, gateway = Sandbox(services or folder / "sandbox"), Gateway(folder / "home")
    try:
        sandbox.start()
        gateway.enrol(sandbox, *structures, settings=settings)
        gateway.start()
        yield sandbox, gateway
    finally:
        gateway.stop()
        sandbox.stop()
