"""A list of patients as a cabinet software exports it: CSV with a header, to be verified in one go.

Separator `;` or `,`, UTF-8 (a byte order mark allowed) or Windows-1252, quotes as spreadsheets write them. Columns by their name in
BatchPatient, in any order; only `local_id` is needed. What is wrong is told by its line and its column, never by its content. The
format is Relais's own: no national one exists for it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import msgspec

from gateway.flow.identity_request import BatchPatient
from gateway.kernel.errors import Refused

MOST = 20_000
"""Patients of one list."""
COLUMNS = BatchPatient.__struct_fields__
_LONGEST_LINE = 4_096


class PatientListInvalid(Refused):
    """The list cannot be read: no header, an unknown column, a line that is not like the others."""

    code = "patient-list-invalid"
    title = "Liste de patients illisible"
    who = "le secrétariat"
    what = "La liste de patients n'est pas lisible : {reason}."
    gesture = "Exportez de nouveau la liste depuis le logiciel métier ; si cela se répète, prévenez l'éditeur."


def read_patient_list(data: bytes) -> tuple[BatchPatient, ...]:
    """The patients of a CSV, in its order; raises PatientListInvalid."""
    text = _decoded(data)
    header, _, _ = text.partition("\n")
    separator = ";" if header.count(";") >= header.count(",") else ","
    rows = _rows(text, separator)
    names = [name.strip().lower() for name in next(rows, (1, []))[1]]
    if "local_id" not in names:
        raise PatientListInvalid(field="local_id", reason="la première ligne doit nommer les colonnes, dont local_id")
    if set(names) - set(COLUMNS) or len(set(names)) != len(names):
        raise PatientListInvalid(field="header", reason="une colonne de la première ligne est inconnue ou répétée")
    found: list[BatchPatient] = []
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(found) == MOST:
            raise PatientListInvalid(reason=f"elle compte plus de {MOST} patients")
        found.append(_patient(names, cells, number))
    if not found:
        raise PatientListInvalid(reason="elle ne contient aucun patient")
    return tuple(found)


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


def _patient(names: list[str], cells: list[str], number: int) -> BatchPatient:
    if len(cells) != len(names) or sum(map(len, cells)) > _LONGEST_LINE:
        raise PatientListInvalid(reason=f"la ligne {number} n'a pas le même nombre de colonnes que la première")
    said = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
    try:
        return msgspec.convert(said, BatchPatient)
    except msgspec.ValidationError:
        wrong = next((name for name in names if name not in said or len(said[name]) > 128), "local_id")
        raise PatientListInvalid(field=wrong, reason=f"la ligne {number} n'a pas de local_id, ou une case y est trop longue") from None
