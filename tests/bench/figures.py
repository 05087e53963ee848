"""Figures with their limits: the table that is printed and the JSON that is kept."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure. `most` and `least` are limits, `target` a wish; `floor` is what the bare machine does, `times` the distance to it."""

    name: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None
    target: float | None = None
    floor: float | None = None
    load: float | None = None
    note: str = ""

    @property
    def kept(self) -> bool:
        """True when no limit is broken."""
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def times(self) -> float | None:
        """The value as a multiple of the floor."""
        return self.value / self.floor if self.floor else None


def percentile(values: Sequence[float], rank: float) -> float:
    """The value below which `rank` percent of them lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * rank / 100))]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def table(figures: Sequence[Figure]) -> str:
    """One line per figure, columns aligned."""
    rows = [("figure", "value", "limit", "target", "floor", "ratio", "load", ""), *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in (0, 7) else cell.rjust(width) for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def as_json(figures: Sequence[Figure], **facts: object) -> str:
    """Everything, with the verdict; `facts` come first."""
    measured = [{**asdict(figure), "times": figure.times, "kept": figure.kept} for figure in figures]
    return json.dumps({**facts, "kept": all(figure.kept for figure in figures), "figures": measured}, indent=2, ensure_ascii=False) + "\n"


def _row(figure: Figure) -> tuple[str, ...]:
    limit = f"<= {figure.most:g}" if figure.most is not None else f">= {figure.least:g}" if figure.least is not None else ""
    return (
        figure.name,
        f"{figure.value:.2f} {figure.unit}",
        limit,
        f"{figure.target:g}" if figure.target is not None else "",
        f"{figure.floor:.2f}" if figure.floor is not None else "",
        f"x {figure.times:.1f}" if figure.times is not None else "",
        f"{figure.load:.1f}" if figure.load is not None else "",
        ("" if figure.kept else "BROKEN ") + figure.note,
    )
