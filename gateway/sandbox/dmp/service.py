"""The simulated DMP as one judge: path, client certificate, message, token, then the transaction.

It never touches the network and never raises for what a caller sent. Knobs: `fault`; durable state: `home/dmp.sqlite`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.kernel.errors import Refused
from gateway.kernel.oids import INS_NIR, INS_TEST
from gateway.sandbox.dmp import answers
from gateway.sandbox.dmp.bench import Bench
from gateway.sandbox.dmp.certificates import TrustStore, load_anchors
from gateway.sandbox.dmp.faults import CLOCK_SKEW, RENEW_UUIDS, REVOKE, Faults
from gateway.sandbox.dmp.multipart import Part
from gateway.sandbox.dmp.options import DEFAULT_OPTIONS, DmpOptions
from gateway.sandbox.dmp.reception import client_certificate, read_message
from gateway.sandbox.dmp.refusals import LEGAL_PERSON, SoapRefusal
from gateway.sandbox.dmp.soap import Envelope
from gateway.sandbox.dmp.state import DmpState
from gateway.sandbox.dmp.tokens import TokenMemory
from gateway.sandbox.dmp.transactions import ACTIONS, RETRIEVE, Call, perform
from gateway.sandbox.dmp.vihf_rules import accept_vihf, mode_of
from gateway.sandbox.exchange import Answer, Request, Verdict

BASE = "/si-dmp-server/v2/services/"
_DMP_STATES = frozenset({"active", "none", "closed"})


class PatientInvalid(Refused):
    """A patient declared to the sandbox has no INS, or an unknown state of its DMP."""

    code = "sandbox-patient-invalid"
    what = "Le patient déclaré au bac à sable n'a pas d'INS, ou l'état de son DMP est inconnu."
    gesture = "Donnez `ins` (matricule et oid) et `dmp` : active, none ou closed."


class DmpService:
    """A DMP in a folder. `anchors_pem`: authorities of the sandbox (root and sub-authorities); `revoked` tells of a serial number."""

    def __init__(
        self,
        home: Path,
        anchors_pem: bytes,
        revoked: Callable[[int], bool],
        now: Callable[[], datetime],
        options: DmpOptions = DEFAULT_OPTIONS,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        faults = Faults()
        trust = TrustStore(load_anchors(anchors_pem), lambda serial: revoked(serial) or serial in faults.numbers(REVOKE, "serial"))
        self._now = now
        self._bench = Bench(DmpState(home / "dmp.sqlite"), trust, options, faults)
        self._tokens = TokenMemory(self._bench.state.tokens())

    def judge(self, request: Request) -> Verdict:
        """The answer to one request, the rules it broke, and what to commit before answering."""
        service = request.path.removeprefix(BASE)
        if not request.path.startswith(BASE) or service not in ACTIONS:
            return Verdict(Answer(404, "text/plain; charset=UTF-8", b""), ("dmp.http.path",))
        if request.method != "POST":
            return Verdict(Answer(405, "text/plain; charset=UTF-8", b""), ("dmp.http.method",))
        message_id = ""
        try:
            now = self._now() + timedelta(seconds=self._bench.faults.number(CLOCK_SKEW, "seconds"))
            client = client_certificate(request, self._bench.trust, now)
            # Retrieval is refused by rights whatever its wrapping; a feed must be MTOM.
            mtom = service == "repository" and RETRIEVE.encode() not in request.body[:65_536]
            envelope, parts = read_message(request, self._bench.options, mtom=mtom, actions=ACTIONS[service])
            message_id = envelope.message_id
            outcome = perform(self._believe(envelope, parts, client.units, now), self._bench)
        except SoapRefusal as refusal:
            return Verdict(answers.fault(refusal, message_id), refusal.rules)
        except Exception as problem:  # noqa: BLE001 - a judge answers whatever was sent; only the class is safe to show
            unexpected = SoapRefusal(f"dmp.internal.{type(problem).__name__}", "Erreur interne du simulateur", receiver=True)
            return Verdict(answers.fault(unexpected, message_id), unexpected.rules)
        return Verdict(answers.answer(outcome.body, outcome.action, message_id), outcome.rules, outcome.commit)

    def _believe(self, envelope: Envelope, parts: Mapping[str, Part], units: tuple[str, ...], now: datetime) -> Call:
        options = self._bench.options
        vihf, _ = accept_vihf(envelope.assertion, self._bench.trust, self._tokens, options, now)
        if vihf.structure not in units:
            raise SoapRefusal("dmp.tls.structure", LEGAL_PERSON)
        mode = mode_of(vihf, options)
        if mode == "DIRECTE":
            # A CPS is not simulated: the structure's certificates cannot speak for a card (dmp.md 1.5).
            raise SoapRefusal("dmp.vihf.mode", LEGAL_PERSON)
        return Call(envelope.action, envelope.body, parts, vihf, mode, vihf.patient or ("", ""), now)

    def ledger(self) -> list[dict[str, object]]:
        """Documents held, signatures left out, oldest first, in the words of the contract."""
        return self._bench.state.ledger()

    def reset(self, *, ledger: bool = False) -> None:
        """Disarm every fault; with `ledger`, forget the lots and the tokens too. Patients always stay."""
        self._bench.faults.reset()
        if ledger:
            self._bench.state.clear()
            self._tokens.forget()

    def add_patient(self, patient: Mapping[str, Any]) -> None:
        """Declare a patient: `ins` {matricule, oid}, traits, `dmp` active (default), none or closed; raises PatientInvalid."""
        ins = patient.get("ins")
        dmp = patient.get("dmp", "active")
        if not isinstance(ins, Mapping) or not ins.get("matricule") or not ins.get("oid") or dmp not in _DMP_STATES:
            raise PatientInvalid
        traits = {key: value for key, value in patient.items() if key not in {"ins", "dmp"}}
        # The qualification platform of INSi gives production authorities to its test identities (insi.md 3.2): same person, same DMP.
        for oid in dict.fromkeys((str(ins["oid"]), *((INS_NIR,) if ins["oid"] in INS_TEST else ()))):
            self._bench.state.put_patient(str(ins["matricule"]), oid, str(dmp), traits)

    def fault(self, name: str, count: int, **options: object) -> bool:
        """Arm a functional fault of `faults.NAMES` for `count` calls (0: until reset); False for an unknown name."""
        if name == RENEW_UUIDS:
            self._bench.state.renew_uuids()
            return True
        return self._bench.faults.arm(name, count, options)

    def close(self) -> None:
        """Close the file of the state."""
        self._bench.state.close()
