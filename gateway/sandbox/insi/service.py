"""The simulated INSi as one judge with two doors: certificate and card (insi.md 7). Durable in nothing: it only answers.

It never touches the network and never raises for what a caller sent. Knobs: faults and profiles, told by the control service.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.sandbox.dmp.certificates import TrustStore, load_anchors
from gateway.sandbox.exchange import Answer, Request, Verdict
from gateway.sandbox.insi.answers import Pen
from gateway.sandbox.insi.assertion import accept_assertion
from gateway.sandbox.insi.bodies import judge_query, read_card, read_traits, read_verification
from gateway.sandbox.insi.envelope import Message, read_message
from gateway.sandbox.insi.people import People, Person, key_of
from gateway.sandbox.insi.refusals import FAULTS, InsiRefusal, broken

PATH: Final = "/lps"
SANDBOX_IDAM: Final = "RELAISSANDBX"
BASE: Final = "urn:ServiceIdentiteCertifiee:1.0.0:"
BY_TRAITS, BY_CARD, VERIFY = (
    f"{BASE}rechercherInsAvecTraitsIdentite",
    f"{BASE}rechercherInsAvecCarteVitale",
    f"{BASE}verifierInsAvecTraitsIdentite",
)
_OPERATIONS = {BY_TRAITS: "WS_INS2", BY_CARD: "WS_INS1", VERIFY: "WS_INS3"}
_NAMES = ("INSI-MANU", "INSI-AUTO")
_HTML = {"html502": 502, "html403": 403}
NAMES: Final = frozenset({*FAULTS, *_HTML, "badxml", "wrong_key", "bad_cr", "inject"})
PROFILES: Final = frozenset({"prod", "qualif"})


class InsiService:
    """The judge behind both listeners."""

    def __init__(self, anchors_pem: bytes, revoked: Callable[[int], bool], now: Callable[[], datetime]) -> None:
        self._trust = TrustStore(load_anchors(anchors_pem), revoked)
        self._now = now
        self._people = People()
        self._calls: list[dict[str, Any]] = []
        self._armed: list[tuple[str, int, Mapping[str, Any]]] = []
        self._defaults()

    def _defaults(self) -> None:
        self._pen, self._strict, self._profile, self._verification = Pen(0), True, "prod", False

    def judge(self, request: Request) -> Verdict:
        """One request at the door of certificates."""
        return self._judge(request, by_card=False)

    def judge_card(self, request: Request) -> Verdict:
        """One request at the door of cards."""
        return self._judge(request, by_card=True)

    def _judge(self, request: Request, *, by_card: bool) -> Verdict:
        if request.path != PATH:
            return Verdict(Answer(404, "text/html", b"<html>Not Found</html>"), ("insi.http.path",))
        if request.method != "POST":
            return Verdict(Answer(405, "text/html", b"<html>Method Not Allowed</html>"), ("insi.http.method",))
        message_id = ""
        try:
            if (request.header("content-type") or "").partition(";")[0].strip() != "application/soap+xml":
                raise broken("insi.http.content-type", "application/soap+xml attendu")
            message = read_message(request.body, strict=self._strict)
            message_id = message.message_id
            common_name = self._believe(request, message, by_card=by_card)
            strange = self._strange(message)
            answer = strange if strange is not None else self._answer(message)
        except InsiRefusal as refusal:
            return Verdict(self._pen.fault(refusal.fault, message_id), refusal.rules)
        return Verdict(answer, commit=lambda: self._note(message, common_name))

    def _believe(self, request: Request, message: Message, *, by_card: bool) -> str:
        """Who calls; raises InsiRefusal: CN rule, sender, authorisation number."""
        if by_card:
            who = accept_assertion(message.assertion, self._trust, self._now())
            senders: tuple[str, ...] = (who,)
            name = who
        else:
            certificate = x509.load_der_x509_certificate(request.client_certificate or b"")
            name, *_ = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] or [""]
            senders = tuple(str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME))
            if name not in _NAMES:
                raise InsiRefusal(FAULTS["desir_560"], "insi.certificate.common-name")
            if message.assertion is not None and self._strict:
                raise broken("insi.assertion.unexpected", "pas d'assertion avec un certificat de structure")
        if self._strict and message.sender not in senders:
            raise broken("insi.sender", "Emetteur différent du certificat")
        if message.idam != SANDBOX_IDAM:
            raise InsiRefusal(FAULTS["desir_550"], "insi.lps.authorisation")
        return name

    def _answer(self, message: Message) -> Answer:
        wrong = self._take("wrong_key") is not None
        match message.action:
            case action if action == BY_TRAITS:
                found = self._people.by_traits(read_traits(message.body, message.coverage, strict=self._strict))
                missing = "insi_102"
            case action if action == BY_CARD:
                card = read_card(message.body, message.coverage, strict=self._strict)
                found = self._people.by_card(card.insured, card.birth_date, card.rank, card.own)
                missing = "insi_101"
            case action if action == VERIFY and self._verification:
                return self._verified(message)
            case _:
                raise broken("insi.addressing.action-unknown", "opération inconnue")
        if not found and self._profile == "qualif":
            raise InsiRefusal(FAULTS[missing])
        return self._result(found, wrong_key=wrong)

    def _result(self, found: list[Person], *, wrong_key: bool) -> Answer:
        if len(found) > 1:
            return self._pen.result("02", None)
        return self._pen.result("00", found[0], wrong_key=wrong_key) if found else self._pen.result("01", None)

    def _verified(self, message: Message) -> Answer:
        number, oid, query = read_verification(message.body)
        judge_query(query)
        held = self._people.by_number(number)
        good = held is not None and held.oid == oid and held in self._people.by_traits(query)
        return self._pen.result("00" if good else "01", None, verification=True)

    def _strange(self, message: Message) -> Answer | None:
        """What a fault makes of the answer; None when the service is well. Raises InsiRefusal for a national fault."""
        del message
        armed = self._take(*NAMES - {"wrong_key"})
        if armed is None:
            return None
        name, options = armed
        if name in FAULTS:
            raise InsiRefusal(FAULTS[name])
        if name in _HTML:
            return Answer(_HTML[name], "text/html", b"<html><body>Service indisponible</body></html>")
        if name == "bad_cr":
            return self._pen.result("42", None)
        if name == "inject":
            return Answer(200, "application/soap+xml;charset=utf-8", _injected(options))
        return Answer(200, "application/soap+xml;charset=utf-8", b"<soap:Envelope><soap:Body><RESULTAT>")

    def _take(self, *names: str) -> tuple[str, Mapping[str, Any]] | None:
        for index, (name, left, options) in enumerate(self._armed):
            if name in names:
                if left == 1:
                    del self._armed[index]
                elif left > 1:
                    self._armed[index] = (name, left - 1, options)
                return name, options
        return None

    def _note(self, message: Message, common_name: str) -> None:
        self._calls.append(
            {
                "message_id": message.message_id,
                "operation": _OPERATIONS.get(message.action, message.action),
                "common_name": common_name,
                "sender": message.sender,
                "time": self._now(),
            }
        )

    def ledger(self) -> list[dict[str, Any]]:
        """Calls answered, oldest first."""
        return list(self._calls)

    def reset(self, *, ledger: bool = False) -> None:
        """Disarm faults and profiles; with `ledger`, forget the calls."""
        self._armed.clear()
        self._defaults()
        if ledger:
            self._calls.clear()

    def add_patient(self, patient: Mapping[str, Any]) -> None:
        """Know a patient under the number given."""
        self._people.add(patient)

    def fault(self, name: str, count: int, **options: Any) -> bool:
        """Arm one of NAMES for `count` calls (0: until reset); False for another name. `down` is desir_1020."""
        name = {"down": "desir_1020"}.get(name, name)
        if name not in NAMES:
            return False
        self._armed.append((name, count, options))
        return True

    def set_profile(self, options: Mapping[str, Any]) -> bool:
        """`profile` prod, qualif or 2021, `mode` strict or lenient, `seed`, `faults` old or new, `verification` on or off.

        False when an option is not understood."""
        profile = options.get("profile", self._profile)
        if profile not in (*PROFILES, "2021") or options.get("mode", "strict") not in ("strict", "lenient"):
            return False
        if not isinstance(options.get("seed", 0), int) or options.get("faults", "new") not in ("old", "new"):
            return False
        self._pen = Pen(options.get("seed", 0))
        self._pen.first_names = profile == "2021"
        self._pen.old_faults = options.get("faults") == "old"
        self._profile = "prod" if profile == "2021" else str(profile)
        self._strict = options.get("mode", "strict") == "strict"
        self._verification = bool(options.get("verification", False))
        return True


class CardDoor:
    """The judge of the listener for cards."""

    def __init__(self, service: InsiService) -> None:
        self._service = service

    def judge(self, request: Request) -> Verdict:
        """See InsiService.judge_card."""
        return self._service.judge_card(request)


def _injected(options: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(options.get("body", "")), validate=True)
    except binascii.Error:
        return b""


def matricule_of(number: str) -> str:
    """The 15 characters of a number."""
    return number + key_of(number)
