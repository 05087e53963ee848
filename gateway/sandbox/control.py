"""The control service: ledgers, faults, patients, enrolment, revocation, clock; plain HTTP on the loopback only (contract.md 2).

Never judges and never answers for a national service. Errors are RFC 9457 problems.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from gateway.kernel.errors import RelaisError
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.enrolment import CertificateOrder, Enrolment, EnrolRequest
from gateway.sandbox.exchange import Answer, Request
from gateway.sandbox.faults import FaultBoard
from gateway.sandbox.http_message import Head
from gateway.sandbox.http_server import Reply
from gateway.sandbox.lane import Lane
from gateway.sandbox.patients import PatientRegister
from gateway.sandbox.pki import Pki
from gateway.sandbox.problems import BodyUnreadable, FaultUnknown, RouteUnknown, problem_answer

T = TypeVar("T")
_FAULT_FIELDS = ("service", "fault", "count")


class Simulated(Protocol):
    """What every simulated service lets the control service do; called in the service's own lane."""

    def ledger(self) -> list[dict[str, Any]]:
        """What it holds."""
        ...

    def reset(self, *, ledger: bool = False) -> None:
        """Disarm its own faults; with `ledger`, forget what it holds too."""
        ...

    def add_patient(self, patient: dict[str, Any]) -> None:
        """Know a patient."""
        ...

    def fault(self, name: str, count: int, **options: Any) -> bool:
        """Arm a fault of its own; False when it knows none of that name."""
        ...


@dataclass(frozen=True, slots=True)
class Controlled:
    """A simulated service and the lane it runs in."""

    service: Simulated
    lane: Lane


@dataclass(frozen=True, slots=True)
class Profiled:
    """A service whose ways can be changed (INSi), and the lane it runs in."""

    set_profile: Callable[[Mapping[str, Any]], bool]
    lane: Lane


class MailboxOpener(Protocol):
    """Who opens mailboxes: the MSSanté operator."""

    def open_mailbox(self, mailbox: str, structure: str) -> None:
        """Give the mailbox to the structure."""
        ...


class FaultOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /faults; other fields are the fault's options."""

    service: str
    fault: str
    count: int = 1


class ClockOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /clock."""

    skew_seconds: float


class ResetOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /reset: faults and clock always, what the services hold on demand. Patients, certificates and captures stay."""

    ledger: bool = False


class ControlService:
    """Handler of the control port."""

    def __init__(
        self,
        *,
        services: Mapping[str, Controlled],
        operator: MailboxOpener,
        patients: PatientRegister,
        faults: FaultBoard,
        enrolment: Enrolment,
        pki: Pki,
        clock: SandboxClock,
        functional: Mapping[str, Collection[str]],
        extras: Mapping[str, Any],
        profiled: Profiled | None = None,
    ) -> None:
        """`functional` names the faults each service has of its own; `extras` goes into each enrolment's answer."""
        self._services = services
        self._operator = operator
        self._patients = patients
        self._faults = faults
        self._enrolment = enrolment
        self._pki = pki
        self._clock = clock
        self._functional = {service: sorted(names) for service, names in functional.items()}
        self._extras = extras
        self._profiled = profiled
        self._lane = Lane("control")
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Answer]]] = {
            ("GET", "/faults"): self._list_faults,
            ("POST", "/faults"): self._arm,
            ("POST", "/profile"): self._set_profile,
            ("POST", "/reset"): self._reset,
            ("GET", "/patients"): self._list_patients,
            ("POST", "/patients"): self._add_patient,
            ("POST", "/enrol"): self._enrol,
            ("POST", "/certificates"): self._order_certificate,
            ("POST", "/clock"): self._set_clock,
            ("GET", "/crl"): self._crl_pem,
            ("GET", "/crl.der"): self._crl_der,
        }

    def close(self) -> None:
        """End the worker."""
        self._lane.close()

    def refuses_connection(self) -> bool:
        """See http_server.Handler."""
        return False

    def tls_context(self) -> None:
        """See http_server.Handler."""

    def cuts_request(self, head: Head) -> bool:  # noqa: ARG002 - the control service has no accidents
        """See http_server.Handler."""
        return False

    async def broken(self, raw: bytes, status: int | None) -> None:
        """See http_server.Handler."""

    async def handle(self, request: Request) -> Reply:
        """See http_server.Handler."""
        try:
            return Reply(await self._route(request)(request))
        except RelaisError as error:
            return Reply(problem_answer(error))

    async def share_patients(self) -> None:
        """Tell every service of every patient."""
        known = await self._lane.run(self._patients.all)
        for controlled in self._services.values():
            for patient in known:
                await controlled.lane.run(controlled.service.add_patient, patient)

    def _route(self, request: Request) -> Callable[[Request], Awaitable[Answer]]:
        path = request.path.partition("?")[0]
        if request.method == "GET" and path.removeprefix("/ledger/") in self._services and path.startswith("/ledger/"):
            return self._ledger
        try:
            return self._routes[request.method, path]
        except KeyError as error:
            raise RouteUnknown(path) from error

    async def _ledger(self, request: Request) -> Answer:
        controlled = self._services[request.path.partition("?")[0].removeprefix("/ledger/")]
        return _json(await controlled.lane.run(controlled.service.ledger))

    async def _list_faults(self, request: Request) -> Answer:  # noqa: ARG002
        return _json({**self._faults.listing(), "functional": self._functional})

    async def _arm(self, request: Request) -> Answer:
        order = _decode(request.body, FaultOrder)
        options = {key: value for key, value in _decode(request.body, dict[str, Any]).items() if key not in _FAULT_FIELDS}
        if order.count < 0:
            raise BodyUnreadable("count", field="count")
        if self._faults.knows(order.service, order.fault):
            self._faults.arm(order.service, order.fault, order.count, options)
            return _json({"armed": order.fault, "count": order.count})
        controlled = self._services.get(order.service)
        if controlled is None:
            raise FaultUnknown(order.service, field="service")
        if not await controlled.lane.run(controlled.service.fault, order.fault, order.count, **options):
            raise FaultUnknown(order.fault, field="fault")
        return _json({"armed": order.fault, "count": order.count})

    async def _set_profile(self, request: Request) -> Answer:
        """The ways of INSi: profile, mode, seed, form of the faults (insi.md 7.6, 7.7)."""
        order = _decode(request.body, dict[str, Any])
        if self._profiled is None or order.get("service") != "insi":
            raise FaultUnknown("profile", field="service")
        options = {name: value for name, value in order.items() if name != "service"}
        if not await self._profiled.lane.run(self._profiled.set_profile, options):
            raise BodyUnreadable("profile", field="profile")
        return _json(order)

    async def _reset(self, request: Request) -> Answer:
        order = _decode(request.body or b"{}", ResetOrder)
        self._faults.reset()
        self._clock.shift(0)
        for controlled in self._services.values():
            await controlled.lane.run(controlled.service.reset, ledger=order.ledger)
        return _json({"reset": ["faults", "clock", *(["ledger"] if order.ledger else [])]})

    async def _list_patients(self, request: Request) -> Answer:  # noqa: ARG002
        return _json(await self._lane.run(self._patients.all))

    async def _add_patient(self, request: Request) -> Answer:
        patient = await self._lane.run(self._patients.add, _decode(request.body, dict[str, Any]))
        for controlled in self._services.values():
            await controlled.lane.run(controlled.service.add_patient, patient)
        return _json(patient, status=201)

    async def _enrol(self, request: Request) -> Answer:
        order = _decode(request.body, EnrolRequest)
        enrolled = await self._lane.run(self._enrolment.enrol, order)
        if order.mailbox:
            await self._services["mss"].lane.run(self._operator.open_mailbox, order.mailbox, order.structure)
        return _json({**enrolled, **self._extras}, status=201)

    async def _order_certificate(self, request: Request) -> Answer:
        return _json(await self._lane.run(self._enrolment.order, _decode(request.body, CertificateOrder)))

    async def _set_clock(self, request: Request) -> Answer:
        order = _decode(request.body, ClockOrder)
        self._clock.shift(order.skew_seconds)
        return _json({"now": self._clock.now()})

    async def _crl_pem(self, request: Request) -> Answer:  # noqa: ARG002
        return Answer(200, "application/x-pem-file", await self._lane.run(lambda: self._pki.crl_pem))

    async def _crl_der(self, request: Request) -> Answer:  # noqa: ARG002
        return Answer(200, "application/pkix-crl", await self._lane.run(lambda: self._pki.crl_der))


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        quoted = str(error).split("`")[1::2]
        raise BodyUnreadable("shape", field=quoted[-1].removeprefix("$").lstrip(".") if quoted else None) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BodyUnreadable("not JSON") from error


def _json(values: object, *, status: int = 200) -> Answer:
    return Answer(status, "application/json", msgspec.json.encode(values))
