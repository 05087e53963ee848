"""Sends a believed call to its transaction, once its rights are known, and shapes the answer.

It never reads the network's bytes. Source: dmp.md 1.1 and 1.6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lxml import etree

from gateway.sandbox.dmp import answers, existence, feed, query, update
from gateway.sandbox.dmp.bench import Bench
from gateway.sandbox.dmp.multipart import Part
from gateway.sandbox.dmp.refusals import RegistryRefusal, SoapRefusal, rights_refusal
from gateway.sandbox.dmp.rights import Operation, may
from gateway.sandbox.dmp.vihf import Vihf

RETRIEVE = "urn:ihe:iti:2007:RetrieveDocumentSet"
ACTIONS: dict[str, frozenset[str]] = {
    "patients": frozenset({existence.ACTION}),
    "registry": frozenset({query.ACTION, update.ACTION}),
    "repository": frozenset({feed.ACTION, RETRIEVE}),
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose sender is believed: the action's body, the parts, the token, its patient, the mode and the instant."""

    action: str
    body: etree._Element
    parts: Mapping[str, Part]
    vihf: Vihf
    mode: str
    patient: tuple[str, str]
    now: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """A SOAP body, its action, the rules that failed, and what to commit before it is sent."""

    body: str
    action: str
    rules: tuple[str, ...] = ()
    commit: Callable[[], None] = field(default=lambda: None)


def perform(call: Call, bench: Bench) -> Outcome:
    """The outcome of a call; raises SoapRefusal for a fault."""
    if call.action == existence.ACTION:
        return _existence(call, bench)
    if call.action == query.ACTION:
        return _query(call, bench)
    if call.action == update.ACTION:
        return _update(call, bench)
    if call.action == feed.ACTION:
        return _feed(call, bench)
    _enter(call, Operation.RETRIEVE, bench)
    raise SoapRefusal("dmp.not-simulated", "Cette transaction n'est pas simulée", receiver=True)


def _enter(call: Call, operation: Operation, bench: Bench) -> None:
    if not may(call.mode, operation):
        raise rights_refusal("dmp.rights.matrix")
    bench.faults.strike(operation)


def _existence(call: Call, bench: Bench) -> Outcome:
    _enter(call, Operation.EXISTENCE, bench)

    def dmp_of(patient: tuple[str, str]) -> str:
        if bench.faults.switched("nf"):
            return "none"
        return "closed" if bench.faults.switched("terminated") else bench.state.dmp_of(patient)

    return Outcome(existence.judge_existence(call.body, call.patient, dmp_of, call.now), existence.ANSWER_ACTION)


def _query(call: Call, bench: Bench) -> Outcome:
    action = f"{query.ACTION}Response"
    wanted = query.return_type(call.body)
    try:
        _enter(call, Operation.SEARCH_REFERENCE if wanted == "ObjectRef" else Operation.SEARCH_METADATA, bench)
        if wanted != "ObjectRef":
            raise SoapRefusal("dmp.not-simulated", "La recherche de métadonnées n'est pas simulée", receiver=True)
        return Outcome(answers.query_result(query.judge_query(call.body, call.patient, bench.state)), action)
    except RegistryRefusal as refusal:
        return Outcome(answers.query_failure(refusal), action, refusal.rules)


def _update(call: Call, bench: Bench) -> Outcome:
    action = f"{update.ACTION}-Response"
    submission = update.read_update(call.body)
    _enter(call, update.operation_of(submission), bench)
    if update.operation_of(submission) is not Operation.DELETE:
        raise SoapRefusal("dmp.not-simulated", "Cette mise à jour n'est pas simulée", receiver=True)
    try:
        entry, lot = update.judge_deletion(submission, call.patient, call.vihf.structure, bench.state)
    except RegistryRefusal as refusal:
        return Outcome(answers.registry_failure(refusal), action, refusal.rules)
    return Outcome(
        answers.registry_success(),
        action,
        commit=lambda: bench.state.delete_entry(entry.entry_uuid, lot, call.vihf.structure, call.now),
    )


def _feed(call: Call, bench: Bench) -> Outcome:
    action = f"{feed.ACTION}Response"
    try:
        _enter(call, Operation.FEED, bench)
        lot = feed.judge_feed(call.body, call.parts, call.vihf, bench, call.now)
    except RegistryRefusal as refusal:
        return Outcome(answers.registry_failure(refusal), action, refusal.rules)
    return Outcome(answers.registry_success(), action, commit=lambda: bench.state.commit_lot(lot))
