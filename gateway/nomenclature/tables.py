"""Reader of the national code tables kept under `data/`: one CSV file per table, with its source and version on top.

Read on first use and kept; importing costs nothing. Codes and labels are facts of ANS published tables (cda_signing.md section 1,
dmp.md 3.5, mssante.md 5.3), written down in our own files; the official files are never read by the product.
"""

from __future__ import annotations

import csv
import functools
from pathlib import Path

import msgspec

from gateway.kernel.concept import Concept

_FOLDER = Path(__file__).parent / "data"


class TableInfo(msgspec.Struct, frozen=True):
    """Where one table comes from; `version` is the revision named by its publisher, `count` its number of codes."""

    name: str
    title: str
    source: str
    version: str
    retrieved: str
    count: int


class Table(msgspec.Struct, frozen=True):
    """One table: concepts by code in the published order, and the value of its own fourth column by code."""

    info: TableInfo
    concepts: dict[str, Concept]
    attribute: dict[str, str]


@functools.cache
def table(name: str) -> Table:
    """The table `data/<name>.csv`, read once. A missing file is an installation fault and raises OSError."""
    lines = (_FOLDER / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    preamble = [line[2:].partition(": ") for line in lines if line.startswith("# ")]
    head = {key: value for key, _, value in preamble}
    rows = list(csv.reader(line for line in lines if not line.startswith("#")))[1:]
    return Table(
        info=TableInfo(
            name,
            head["title"],
            head["source"],
            head["version"],
            head["retrieved"],
            len(rows),
        ),
        concepts={row[0]: Concept(row[0], row[1], row[2]) for row in rows},
        attribute={row[0]: row[3] for row in rows if len(row) > 3},
    )


def tables() -> list[TableInfo]:
    """Every table of the product, by name: its source, version, date of retrieval and number of codes."""
    return [table(path.stem).info for path in sorted(_FOLDER.glob("*.csv"))]
