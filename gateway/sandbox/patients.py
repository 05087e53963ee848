"""The patients the simulated services know: the published test identities, and those a vendor adds.

Kept in `home/patients.json`, which holds additions and changes only; the test identities come from `patients.toml`.
Never tells one service's state to another: each gets its own copy.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from gateway.kernel import oids
from gateway.sandbox.durable import write_atomically
from gateway.sandbox.ins_matricule import AUTHORITIES, is_matricule
from gateway.sandbox.problems import PatientInvalid, SandboxHomeDamaged


class SandboxIns(msgspec.Struct, frozen=True, kw_only=True):
    """A matricule and its authority."""

    matricule: str
    oid: str = oids.INS_NIR_TEST


class SandboxPatient(msgspec.Struct, frozen=True, kw_only=True):
    """One patient: INS, traits, and whether a DMP exists."""

    ins: SandboxIns
    birth_family_name: str
    birth_given_names: str
    first_birth_given_name: str
    sex: Literal["F", "M", "U"]
    birth_date: date
    birth_place: str
    dmp: Literal["active", "none", "closed"] = "active"


class PatientRegister:
    """All patients of one sandbox. Used by one thread at a time."""

    def __init__(self, home: Path) -> None:
        """Raises SandboxHomeDamaged."""
        self._path = home / "patients.json"
        self._added: dict[str, SandboxPatient] = {}
        if self._path.exists():
            try:
                kept = msgspec.json.decode(self._path.read_bytes(), type=list[SandboxPatient])
            except msgspec.MsgspecError as error:
                raise SandboxHomeDamaged(self._path.name) from error
            self._added = _by_matricule(kept)

    def all(self) -> list[dict[str, Any]]:
        """Every patient as JSON-ready values, additions over test identities."""
        return [as_values(patient) for patient in {**_by_matricule(test_identities()), **self._added}.values()]

    def add(self, values: object) -> dict[str, Any]:
        """Keep a patient handed in as JSON values, replacing one of the same matricule. Raises PatientInvalid."""
        patient = read_patient(values)
        self._added[patient.ins.matricule] = patient
        self._save()
        return as_values(patient)

    def _save(self) -> None:
        write_atomically(self._path, msgspec.json.format(msgspec.json.encode(list(self._added.values())), indent=1))


def test_identities() -> list[SandboxPatient]:
    """The identities of `patients.toml`."""
    text = files("gateway.sandbox").joinpath("patients.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["patient"], type=list[SandboxPatient])


def read_patient(values: object) -> SandboxPatient:
    """A patient from JSON values; the traits may also stand in a `traits` object. Raises PatientInvalid naming the field."""
    if isinstance(values, dict) and isinstance(values.get("traits"), dict):
        values = {**values["traits"], **{key: value for key, value in values.items() if key != "traits"}}
    try:
        patient = msgspec.convert(values, type=SandboxPatient, strict=True)
    except msgspec.ValidationError as error:
        raise PatientInvalid("shape", field=_field_of(str(error))) from error
    if not is_matricule(patient.ins.matricule):
        raise PatientInvalid("matricule", field="ins.matricule")
    if patient.ins.oid not in AUTHORITIES:
        raise PatientInvalid("authority", field="ins.oid")
    return patient


def as_values(patient: SandboxPatient) -> dict[str, Any]:
    """JSON-ready values of a patient, dates as ISO text."""
    values: dict[str, Any] = msgspec.to_builtins(patient)
    return values


def _by_matricule(patients: Iterable[SandboxPatient]) -> dict[str, SandboxPatient]:
    return {patient.ins.matricule: patient for patient in patients}


def _field_of(message: str) -> str | None:
    """The field a msgspec message names: `... missing required field `x`` or `... - at `$.x``."""
    quoted = message.split("`")[1::2]
    if not quoted:
        return None
    path = quoted[-1].removeprefix("$").lstrip(".")
    missing = "required field" in message
    if missing and len(quoted) > 1 and quoted[-1].startswith("$"):
        return f"{path}.{quoted[-2]}" if path else quoted[-2]
    return path or None
