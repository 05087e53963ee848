"""The INS datamatrix as the outside sees it: what to print for a qualified patient, and what a scan says (insi.md 5).

A scan is input to verify: it is stored nowhere. The drawing is `ins.symbol`'s.
"""

from __future__ import annotations

import msgspec

from gateway.flow.identities.showing import ins_view
from gateway.flow.identities.views import ScanView, TraitsView
from gateway.ins import datamatrix, scan
from gateway.ins.datamatrix import ClearLine
from gateway.model.patient import Patient


class DatamatrixView(msgspec.Struct, frozen=True, kw_only=True):
    """What the first page of a document bears: the text of the symbol, its mention, and the identity in clear, line by line."""

    text: str
    mention: str
    lines: tuple[ClearLine, ...]


def datamatrix_view(patient: Patient, environment: str) -> DatamatrixView:
    """Raises as `ins.datamatrix.write`."""
    text = datamatrix.write(patient, environment=environment)
    return DatamatrixView(text=text, mention=datamatrix.TO_SCAN, lines=datamatrix.clear_lines(patient, environment=environment))


def scan_view(text: str, environment: str) -> ScanView:
    """Raises as `ins.scan.read`."""
    read = scan.read(text, environment=environment)
    traits = TraitsView(
        birth_family_name=read.birth_family_name,
        birth_given_names=read.birth_given_names,
        first_birth_given_name=None,
        sex=read.sex.value,
        birth_date=read.birth_date,
        birth_place=read.birth_place,
    )
    return ScanView(ins=ins_view(read.ins), traits=traits, repaired=read.repaired)
