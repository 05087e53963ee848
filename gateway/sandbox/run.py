"""The sandbox as one process: all simulated services, their PKI and the control service, wired together.

Never holds a rule of a national service. Writes `home/sandbox.json` when everything listens (contract.md 2).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from gateway.kernel.errors import RelaisError
from gateway.sandbox.capture import CaptureFolder
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.control import Controlled, ControlService, Profiled
from gateway.sandbox.dmp.faults import NAMES as DMP_FUNCTIONAL_FAULTS
from gateway.sandbox.dmp.options import SANDBOX_HOMOLOGATION
from gateway.sandbox.dmp.service import DmpService
from gateway.sandbox.durable import write_atomically
from gateway.sandbox.enrolment import Enrolment
from gateway.sandbox.exchange import Judge
from gateway.sandbox.faults import CONNECTION_FAULTS, MAIL_FAULTS, REQUEST_FAULTS, FaultBoard
from gateway.sandbox.http_server import HttpServer
from gateway.sandbox.insi.service import NAMES as INSI_FUNCTIONAL_FAULTS
from gateway.sandbox.insi.service import PATH as INSI_PATH
from gateway.sandbox.insi.service import SANDBOX_IDAM, CardDoor, InsiService
from gateway.sandbox.judged import JudgedService
from gateway.sandbox.lane import Lane
from gateway.sandbox.mss.ledger import MailLedger
from gateway.sandbox.mss.operator import MssOperator, OperatorOptions
from gateway.sandbox.mss.server import SubmissionServer
from gateway.sandbox.patients import PatientRegister
from gateway.sandbox.pki import Pki
from gateway.sandbox.tls import ServerTls

HOST: Final = "127.0.0.1"
DMP_PATH: Final = "/si-dmp-server/v2/services"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Ports to listen on; 0: the one of the last run when it is free, else any."""

    dmp: int = 0
    smtp: int = 0
    insi: int = 0
    insi_card: int = 0
    control: int = 0


class Sandbox:
    """All simulated services of one home; an async context manager that listens inside its block."""

    def __init__(self, home: Path, *, ports: Ports | None = None, operator: OperatorOptions | None = None) -> None:
        """Opens the home, making it when absent. Raises OSError, SandboxHomeDamaged."""
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.home = home
        self.pki = Pki(home / "pki")
        self.clock = SandboxClock()
        self.faults = FaultBoard(
            {
                "dmp": (*CONNECTION_FAULTS, *REQUEST_FAULTS),
                "mss": (*CONNECTION_FAULTS, *REQUEST_FAULTS, *MAIL_FAULTS),
                "insi": (*CONNECTION_FAULTS, *REQUEST_FAULTS),
            }
        )
        self.addresses: dict[str, Any] = {}
        """What `sandbox.json` says, once listening."""
        self._ports = ports or Ports()
        self._lanes = {"dmp": Lane("dmp"), "mss": Lane("mss"), "insi": Lane("insi")}
        self._tls = ServerTls(self.pki)
        self._card_tls = ServerTls(self.pki, asks_client=False)
        with contextlib.ExitStack() as opened:
            self._dmp = DmpService(home, self.pki.anchors_pem, self.pki.is_revoked, self.clock.now)
            opened.callback(self._dmp.close)
            self._insi = InsiService(self.pki.anchors_pem, self.pki.is_revoked, self.clock.now)
            self._mails = MailLedger(home)
            opened.callback(self._mails.close)
            self._operator = self._operating(operator or OperatorOptions())
            self._control = self._controller(PatientRegister(home))
            opened.callback(self._control.close)
            for lane in self._lanes.values():
                opened.callback(lane.close)
            self._opened = opened.pop_all()
        self._servers: dict[str, HttpServer | SubmissionServer] = {
            "dmp": HttpServer(self._judged_dmp(), self.clock.now),
            "smtp": SubmissionServer(self._operator, self._tls),
            **self._insi_doors(),
            "control": HttpServer(self._control, self.clock.now),
        }

    async def __aenter__(self) -> Self:
        """Listen on every port, then write `sandbox.json`. Raises PortTaken."""
        last = _last_ports(self.home)
        (self.home / "sandbox.json").unlink(missing_ok=True)
        try:
            await self._control.share_patients()
            for name, server in self._servers.items():
                asked: int = getattr(self._ports, name)
                await server.listener.start(asked or last.get(name, 0), or_any=not asked)
        except BaseException:
            await self.__aexit__()
            raise
        port = {name: server.listener.port for name, server in self._servers.items()}
        self.addresses = {
            "dmp": f"https://{HOST}:{port['dmp']}{DMP_PATH}",
            "insi": f"https://{HOST}:{port['insi']}{INSI_PATH}",
            "insi_card": f"https://{HOST}:{port['insi_card']}{INSI_PATH}",
            "smtp": {"host": HOST, "port": port["smtp"]},
            "control": self._control_url(),
            "pki": str(self.pki.folder.resolve()),
            "pid": os.getpid(),
        }
        write_atomically(self.home / "ports.json", msgspec.json.encode(port))
        write_atomically(self.home / "sandbox.json", msgspec.json.format(msgspec.json.encode(self.addresses), indent=1))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening, end conversations, close files; `sandbox.json` goes, the rest stays."""
        (self.home / "sandbox.json").unlink(missing_ok=True)
        for server in self._servers.values():
            await server.listener.stop()
        self._opened.close()

    async def open_mailbox(self, mailbox: str, structure: str) -> None:
        """Give a mailbox of the operator to a structure, as an enrolment does."""
        await self._lanes["mss"].run(self._operator.open_mailbox, mailbox, structure)

    async def mail_ledger(self) -> list[dict[str, Any]]:
        """What `GET /ledger/mss` answers."""
        return await self._lanes["mss"].run(self._operator.ledger)

    async def document_ledger(self) -> list[dict[str, Any]]:
        """What `GET /ledger/dmp` answers."""
        return await self._lanes["dmp"].run(self._dmp.ledger)

    def _control_url(self) -> str:
        return f"http://{HOST}:{self._servers['control'].listener.port}"

    def _judged_dmp(self) -> JudgedService:
        return JudgedService(
            "dmp",
            self._dmp,
            capture=CaptureFolder(self.home, "dmp", "http"),
            faults=self.faults,
            tls=self._tls,
            lane=self._lanes["dmp"],
            now=self.clock.now,
        )

    def _insi_doors(self) -> dict[str, HttpServer | SubmissionServer]:
        """Certificates at one door, cards at the other; one capture, one board of faults."""
        capture = CaptureFolder(self.home, "insi", "http")
        doors: dict[str, tuple[Judge, ServerTls]] = {"insi": (self._insi, self._tls), "insi_card": (CardDoor(self._insi), self._card_tls)}
        return {
            name: HttpServer(
                JudgedService("insi", judge, capture=capture, faults=self.faults, tls=tls, lane=self._lanes["insi"], now=self.clock.now),
                self.clock.now,
            )
            for name, (judge, tls) in doors.items()
        }

    def _operating(self, options: OperatorOptions) -> MssOperator:
        return MssOperator(
            self._mails,
            capture=CaptureFolder(self.home, "mss", "eml"),
            faults=self.faults,
            lane=self._lanes["mss"],
            now=self.clock.now,
            options=options,
        )

    def _controller(self, patients: PatientRegister) -> ControlService:
        return ControlService(
            services={
                "dmp": Controlled(self._dmp, self._lanes["dmp"]),
                "mss": Controlled(self._operator, self._lanes["mss"]),
                "insi": Controlled(self._insi, self._lanes["insi"]),
            },
            operator=self._operator,
            patients=patients,
            faults=self.faults,
            enrolment=Enrolment(self.pki, self._control_url),
            pki=self.pki,
            clock=self.clock,
            functional={"dmp": DMP_FUNCTIONAL_FAULTS, "insi": INSI_FUNCTIONAL_FAULTS},
            extras={"homologation": SANDBOX_HOMOLOGATION, "idam": SANDBOX_IDAM},
            profiled=Profiled(self._insi.set_profile, self._lanes["insi"]),
        )


async def run_sandbox(home: Path, *, ports: Ports | None = None, ready: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
    """Run until SIGTERM or SIGINT; `ready` is told the addresses once everything listens. Raises OSError, SandboxHomeDamaged, PortTaken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Sandbox(home, ports=ports) as sandbox:
        ready(sandbox.addresses)
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """`relais sandbox --home DIR`: run the simulators; 0 when stopped, 1 when they could not start."""
    parser = argparse.ArgumentParser(prog="relais sandbox", description="Simulateurs des services nationaux.")
    parser.add_argument("--home", type=Path, required=True, help="dossier du bac à sable, créé s'il n'existe pas")
    for name in ("dmp", "smtp", "insi", "insi-card", "control"):
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 : le port du dernier lancement, sinon n'importe lequel")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # aiosmtpd logs each command and address; nothing of a mail belongs in a log.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    ports = Ports(
        dmp=options.dmp_port, smtp=options.smtp_port, insi=options.insi_port, insi_card=options.insi_card_port, control=options.control_port
    )
    try:
        asyncio.run(run_sandbox(options.home, ports=ports, ready=_announce))
    except RelaisError as error:
        sys.stderr.write(f"{error.explanation.what} {error.explanation.gesture}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"Le dossier du bac à sable n'est pas utilisable ({error.strerror}).\n")
        return 1
    return 0


def _announce(addresses: dict[str, Any]) -> None:
    lines = [f"  {name}: {msgspec.json.encode(value).decode()}" for name, value in addresses.items()]
    sys.stdout.write("\n".join(["Bac à sable :", *lines, "ready", ""]))
    sys.stdout.flush()


def _last_ports(home: Path) -> dict[str, int]:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((home / "ports.json").read_bytes(), type=dict[str, int])
    return {}


if __name__ == "__main__":
    sys.exit(main())
