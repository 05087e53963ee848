"""A list of patients as a cabinet software exports it: CSV with a header, to be verified in one go.

Separator `;` or `,`, UTF-8 (a byte order mark allowed) or Windows-1252, quotes as spreadsheets write them. Columns by their name in
BatchPatient, in any order; only `local_id` is needed. What is wrong is told by its line and its column, never by its content: a line that
cannot be taken is put aside and the others go on. A birth date as French spreadsheets write it (31/12/1975) is taken, and a code of a birth
place that lost its first zero there (1154 for 01154). The format is Relais's own: no national one exists for it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import msgspec

from gateway.flow.identities.request import BatchPatient
from gateway.kernel.errors import Refused, RelaisError

MOST = 20_000
"""Patients of one list."""
COLUMNS = BatchPatient.__struct_fields__
_LONGEST_LINE = 4_096
_FRENCH_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_ZERO_LOST = re.compile(r"[0-9]{4}")


class PatientListInvalid(Refused):
    """The list cannot be read: no header, an unknown column, quotes that do not close, no line that can be taken."""

    code = "patient-list-invalid"
    title = "Liste de patients illisible"
    who = "le secrétariat"
    what = "La liste de patients n'est pas lisible : {reason}."
    gesture = "Exportez de nouveau la liste depuis le logiciel métier ; si cela se répète, prévenez l'éditeur."


class LineInvalid(PatientListInvalid):
    """One line of the list: `field` is its column."""

    code = "patient-line-invalid"
    title = "Ligne de la liste illisible"
    what = "Cette ligne de la liste n'est pas lisible : {reason}."
    gesture = "Corrigez ce patient dans le logiciel métier, puis envoyez-le de nouveau ; les autres patients de la liste sont traités."


class BadLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line put aside; the first line of a CSV, its header, is 1."""

    line: int
    problem: RelaisError


class PatientList(msgspec.Struct, frozen=True, kw_only=True):
    """A list as read: `lines` are those of `patients`, in the same order."""

    patients: tuple[BatchPatient, ...]
    lines: tuple[int, ...]
    refused: tuple[BadLine, ...] = ()


def read_patient_list(data: bytes) -> PatientList:
    """The patients of a CSV, in its order, and the lines put aside; raises PatientListInvalid."""
    text = _decoded(data)
    header, _, _ = text.partition("\n")
    separator = ";" if header.count(";") >= header.count(",") else ","
    rows = _rows(text, separator)
    names = [name.strip().lower() for name in next(rows, (1, []))[1]]
    if "local_id" not in names:
        raise PatientListInvalid(field="local_id", reason="la première ligne doit nommer les colonnes, dont local_id")
    if set(names) - set(COLUMNS) or len(set(names)) != len(names):
        raise PatientListInvalid(field="header", reason="une colonne de la première ligne est inconnue ou répétée")
    found: dict[int, BatchPatient] = {}
    refused: list[BadLine] = []
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(found) + len(refused) == MOST:
            raise PatientListInvalid(reason=f"elle compte plus de {MOST} patients")
        try:
            found[number] = _patient(names, cells)
        except LineInvalid as problem:
            refused.append(BadLine(line=number, problem=problem))
    if not found:
        raise _empty(refused)
    return PatientList(patients=tuple(found.values()), lines=tuple(found), refused=tuple(refused))


def _empty(refused: list[BadLine]) -> PatientListInvalid:
    if not refused:
        return PatientListInvalid(reason="elle ne contient aucun patient")
    first = refused[0]
    return PatientListInvalid(field=first.problem.field, reason=f"aucune ligne n'a pu être lue, à commencer par la ligne {first.line}")


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error:
        raise PatientListInvalid(reason=f"la ligne {reader.line_num} est mal formée") from None


def _patient(names: list[str], cells: list[str]) -> BatchPatient:
    if len(cells) != len(names) or sum(map(len, cells)) > _LONGEST_LINE:
        raise LineInvalid(field=names[min(len(cells), len(names) - 1)], reason="elle n'a pas autant de cases que la première ligne")
    said = {name: _mended(name, cell.strip()) for name, cell in zip(names, cells, strict=True) if cell.strip()}
    try:
        return msgspec.convert(said, BatchPatient)
    except msgspec.ValidationError:
        wrong = next((name for name, cell in said.items() if len(cell) > 128), "local_id")
        raise LineInvalid(field=wrong, reason="elle n'a pas de local_id, ou une case y est trop longue") from None


def _mended(name: str, cell: str) -> str:
    """What a spreadsheet made of a cell, back to what the software had written."""
    if name == "birth_date" and (date := _FRENCH_DATE.fullmatch(cell)):
        return "-".join(reversed(date.groups()))
    if name == "birth_place" and _ZERO_LOST.fullmatch(cell):
        return f"0{cell}"
    return cell
