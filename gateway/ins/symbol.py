"""The symbol of the INS datamatrix: ISO/IEC 16022 ECC 200, square, in C40 from its header on (insi.md 5). Knows nothing of identities.

`ppf-datamatrix` is used because its encodation can be imposed: the format asks for a header in C40, which encoders that look for the
shortest symbol write as pairs of digits. Loaded when a symbol is drawn, as Pillow is.
"""

from __future__ import annotations

import io
from html import escape
from typing import Final

from gateway.ins.datamatrix import TO_SCAN
from gateway.kernel.errors import Refused

QUIET: Final = 2
"""Modules of white around the symbol; the standard asks for one."""
_MODULE_MM: Final = 0.5
_MODULE_PIXELS: Final = 8
_MM_PER_INCH: Final = 25.4


class SymbolTooLong(Refused):
    """No symbol holds this text, or it has characters that C40 does not."""

    code = "symbol-impossible"
    title = "Datamatrix impossible à dessiner"
    what = "Ce texte ne tient pas dans un datamatrix."
    gesture = "Faites vérifier par l'éditeur le texte à dessiner."


def svg(text: str) -> str:
    """The symbol as a picture of one path, in black on white, with its quiet zone; raises SymbolTooLong."""
    rows = _modules(text)
    side = len(rows) + 2 * QUIET
    size = f"{side * _MODULE_MM:g}mm"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{size}" height="{size}" viewBox="0 0 {side} {side}"'
        f' shape-rendering="crispEdges"><title>{escape(TO_SCAN)}</title><path fill="#fff" d="M0 0h{side}v{side}H0z"/>'
        f'<path fill="#000" d="{"".join(_runs(rows))}"/></svg>'
    )


def png(text: str) -> bytes:
    """The symbol as a picture of 8 pixels a module, black on white, its print size told; raises SymbolTooLong."""
    from PIL import Image

    rows = _modules(text)
    side = len(rows) + 2 * QUIET
    small = Image.new("1", (side, side), 1)
    for y, row in enumerate(rows, QUIET):
        for x, black in enumerate(row, QUIET):
            if black:
                small.putpixel((x, y), 0)
    written = io.BytesIO()
    resolution = _MODULE_PIXELS * _MM_PER_INCH / _MODULE_MM
    large = small.resize((side * _MODULE_PIXELS, side * _MODULE_PIXELS), Image.Resampling.NEAREST)
    large.save(written, "PNG", optimize=True, dpi=(resolution, resolution))
    return written.getvalue()


def _modules(text: str) -> list[list[int]]:
    """Rows of 1 (black) and 0, finder pattern included, quiet zone not."""
    from ppf.datamatrix import DataMatrix

    try:
        rows: list[list[int]] = DataMatrix(text, codecs=["C40"]).matrix
    except ValueError:
        raise SymbolTooLong from None
    return rows


def _runs(rows: list[list[int]]) -> list[str]:
    """One rectangle of the path for each run of black modules of a row."""
    runs: list[str] = []
    for y, row in enumerate(rows, QUIET):
        start = None
        for x, black in enumerate([*row, 0], QUIET):
            if black and start is None:
                start = x
            elif not black and start is not None:
                runs.append(f"M{start} {y}h{x - start}v1H{start}z")
                start = None
    return runs
