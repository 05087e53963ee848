"""Functional faults on command: the knobs of dmp.md section 8 that belong to the service itself.

Faults of the line (503, cut, slow...) are the server's. A fault strikes after the token was accepted, so that every try costs a VIHF.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from gateway.sandbox.dmp import refusals
from gateway.sandbox.dmp.refusals import Problem, Refusal, RegistryRefusal, SoapRefusal
from gateway.sandbox.dmp.rights import Operation

_QUERIES = frozenset({Operation.SEARCH_REFERENCE, Operation.SEARCH_METADATA})
_FEED = frozenset({Operation.FEED})
_ANY = frozenset(Operation)

_REGISTRY_ERRORS: dict[str, tuple[str, frozenset[Operation]]] = {
    "busy": ("XDSRepositoryBusy", _FEED),
    "registry_busy": ("XDSRegistryBusy", _FEED | _QUERIES),
    "out_of_resources": ("XDSRepositoryOutOfResources", _FEED),
    "registry_not_available": ("XDSRegistryNotAvailable", _FEED),
    "registry_error": ("XDSRegistryError", _FEED | _QUERIES),
    "repository_error": ("XDSRepositoryError", _FEED),
    "unresolved_reference": (refusals.UNRESOLVED, _FEED),
    "partial": (refusals.METADATA, _FEED),
}
_SOAP_FAULTS: dict[str, tuple[str, str | None]] = {
    "structure_unknown": (refusals.UNKNOWN_STRUCTURE, None),
    "ps_not_linked": ("PS et Structure non liés", None),
    "no_specialty": (refusals.NO_SPECIALTY, None),
    "legal_person": (refusals.LEGAL_PERSON, None),
    "author_institution": (refusals.NO_AUTHOR_INSTITUTION, None),
    "token_expired": (refusals.STALE_VIHF, None),
    "rights": (refusals.RIGHTS, "DMPAccessDenied"),
    "invalid_certificate": ("Le certificat du jeton VIHF n'est pas valide", refusals.INVALID_CERTIFICATE),
    "garbage_fault": ("\u00b5\u00a7 0x8004 $$ <erreur/> ???", None),
}
_SWITCHES: dict[str, frozenset[Operation]] = {
    "nf": frozenset({Operation.EXISTENCE, Operation.FEED}),
    "terminated": frozenset({Operation.EXISTENCE, Operation.FEED}),
    "duplicate_refused": _FEED,
}
CLOCK_SKEW = "clock_skew"
RENEW_UUIDS = "renew_uuids"
REVOKE = "revoke_certificate"
NAMES = frozenset({*_REGISTRY_ERRORS, *_SOAP_FAULTS, *_SWITCHES, CLOCK_SKEW, RENEW_UUIDS, REVOKE})


@dataclass(slots=True)
class _Armed:
    left: int | None
    options: Mapping[str, object]


class Faults:
    """The faults armed now. `count` 0 lasts until `reset`. Safe between threads."""

    def __init__(self) -> None:
        self._armed: dict[str, _Armed] = {}
        self._lock = Lock()

    def arm(self, name: str, count: int, options: Mapping[str, object]) -> bool:
        """Arm a fault for `count` calls; False for a name that is not in NAMES."""
        if name not in NAMES:
            return False
        with self._lock:
            self._armed[name] = _Armed(count or None, options)
        return True

    def reset(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._armed.clear()

    def switched(self, name: str) -> bool:
        """Take one call of a switch (`nf`, `terminated`, `duplicate_refused`)."""
        return self._take(name)

    def number(self, name: str, option: str) -> float:
        """The value of a lasting setting such as the seconds of `clock_skew`; 0 when it is not armed."""
        with self._lock:
            armed = self._armed.get(name)
        value = None if armed is None else armed.options.get(option)
        return float(value) if isinstance(value, int | float) else 0.0

    def numbers(self, name: str, option: str) -> frozenset[int]:
        """The whole numbers of a lasting setting, one or a list of them."""
        with self._lock:
            armed = self._armed.get(name)
        value = None if armed is None else armed.options.get(option)
        found = value if isinstance(value, list | tuple) else [value]
        return frozenset(one for one in found if isinstance(one, int))

    def strike(self, operation: Operation) -> None:
        """Raise the refusal of an armed fault that concerns this operation."""
        for name in tuple(self._armed):
            refusal = _refusal_of(name, operation)
            if refusal is not None and self._take(name):
                raise refusal

    def _take(self, name: str) -> bool:
        with self._lock:
            armed = self._armed.get(name)
            if armed is None:
                return False
            if armed.left is not None:
                armed.left -= 1
                if armed.left == 0:
                    del self._armed[name]
            return True


def _refusal_of(name: str, operation: Operation) -> Refusal | None:
    if name in _REGISTRY_ERRORS:
        code, operations = _REGISTRY_ERRORS[name]
        problem = Problem(f"dmp.fault.{name}", code, "Erreur simulée du service")
        return RegistryRefusal((problem,), partial=name == "partial") if operation in operations else None
    if name in _SOAP_FAULTS:
        text, subcode = _SOAP_FAULTS[name]
        return SoapRefusal(f"dmp.fault.{name}", text, subcode=subcode, receiver=name == "garbage_fault")
    return None
