"""The rules of PDF/A-1b that can be read from dictionaries, each named after the clause of ISO 19005-1 it enforces.

Handed one dictionary at a time by `walk`, each rule is called only for dictionaries that hold its key. What only a content stream
could betray (operators, colour operators, glyph widths) is not looked at: this is a gate, not a validator. Errs towards conversion.
Source: cda_signing.md 1.5 [K]; clauses from the standard's public errata and the Preflight validator that the tests judge with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pikepdf

from gateway.cda.pdf.report import Flaw
from gateway.cda.pdf.streams import LZW, filters_of

Rule = Callable[[pikepdf.Object, Any], Iterator[Flaw]]
"""Called with a dictionary and the value of the key that called it; numbers and booleans come as Python's."""

_FORBIDDEN_ACTIONS = frozenset(
    f"/{name}"
    for name in ("Sound", "Movie", "ResetForm", "ImportData", "SetState", "NOP", "GoToE", "Rendition", "SetOCGState", "GoTo3DView", "Hide")
)
_NAMED_ACTIONS = frozenset({"/NextPage", "/PrevPage", "/FirstPage", "/LastPage"})
_ANNOTATIONS = frozenset(
    f"/{name}"
    for name in (
        *("Text", "Link", "FreeText", "Line", "Square", "Circle", "Highlight", "Underline", "Squiggly", "StrikeOut", "Stamp", "Ink"),
        *("Popup", "Widget", "PrinterMark", "TrapNet"),
    )
)
_PRINT, _HIDING = 4, 1 | 2 | 32
_SUBSET_NAME_LENGTH = 7


def _actions(owner: pikepdf.Object, value: Any) -> Iterator[Flaw]:
    """6.6.1: no JavaScript, launch, multimedia or form-data action; named actions only turn pages. 6.4: no transparency group."""
    name = str(value) if isinstance(value, pikepdf.Name) else ""
    if name == "/JavaScript":
        yield Flaw.JAVASCRIPT
    elif name == "/Launch":
        yield Flaw.LAUNCH
    elif name == "/Transparency":
        yield Flaw.TRANSPARENCY
    elif name in _FORBIDDEN_ACTIONS:
        if str(owner.get("/Type", "")) != "/StructElem":
            yield Flaw.ACTION
    elif name == "/Named" and str(owner.get("/N", "")) not in _NAMED_ACTIONS:
        yield Flaw.ACTION


def _font(owner: pikepdf.Object, value: Any) -> Iterator[Flaw]:
    """6.3.4: every font program embedded; 6.3.3 and 6.3.5: CID fonts complete, subsets listed."""
    kind = str(owner.get("/Subtype", ""))
    if kind in ("/Type0", "/Type3") or str(owner.get("/Type", "/Font")) != "/Font":
        return
    descriptor = owner.get("/FontDescriptor")
    if not isinstance(descriptor, pikepdf.Dictionary) or not any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3")):
        yield Flaw.FONT_NOT_EMBEDDED
        return
    name = str(value).removeprefix("/")
    subset = len(name) > _SUBSET_NAME_LENGTH and name[_SUBSET_NAME_LENGTH - 1] == "+"
    if (
        (kind == "/CIDFontType2" and "/CIDToGIDMap" not in owner)
        or (kind in ("/CIDFontType0", "/CIDFontType2") and subset and "/CIDSet" not in descriptor)
        or (kind in ("/Type1", "/MMType1") and subset and "/CharSet" not in descriptor)
    ):
        yield Flaw.FONT_INCOMPLETE


def _annotation(owner: pikepdf.Object, _rect: Any) -> Iterator[Flaw]:
    """6.5.2 and 6.5.3: known kinds only, printed, never hidden, with a normal appearance only."""
    kind = str(owner.get("/Subtype", ""))
    if kind == "/FileAttachment":
        yield Flaw.EMBEDDED_FILE
    if kind not in _ANNOTATIONS:
        yield Flaw.ANNOTATION
        return
    flags = owner.get("/F", 0)
    bits = flags if isinstance(flags, int) else 0
    if kind != "/Popup" and (not bits & _PRINT or bits & _HIDING):
        yield Flaw.ANNOTATION
    appearance = owner.get("/AP")
    if isinstance(appearance, pikepdf.Dictionary) and set(appearance.keys()) != {"/N"}:
        yield Flaw.ANNOTATION


def _soft_mask(_owner: pikepdf.Object, value: Any) -> Iterator[Flaw]:
    """6.4: no soft mask, of a graphics state or of an image."""
    if str(value) != "/None" if isinstance(value, pikepdf.Name) else True:
        yield Flaw.TRANSPARENCY


def _opacity(_owner: pikepdf.Object, value: Any) -> Iterator[Flaw]:
    """6.4: constant opacity 1 only; a widget's caption bears the same key with a text."""
    if isinstance(value, int | float | Decimal) and value != 1:
        yield Flaw.TRANSPARENCY


def _blend_mode(_owner: pikepdf.Object, value: Any) -> Iterator[Flaw]:
    """6.4: Normal or Compatible only."""
    if not isinstance(value, pikepdf.Name) or str(value) not in ("/Normal", "/Compatible"):
        yield Flaw.TRANSPARENCY


def _filter(owner: pikepdf.Object, _value: Any) -> Iterator[Flaw]:
    """6.1.10: no LZW; JPEG 2000 and Crypt came after PDF 1.4."""
    names = filters_of(owner)
    if LZW.intersection(names):
        yield Flaw.LZW
    if "/JPXDecode" in names or "/Crypt" in names:
        yield Flaw.FILTER


def _subtype(_owner: pikepdf.Object, value: Any) -> Iterator[Flaw]:
    """6.2.7: no PostScript object."""
    if str(value) == "/PS":
        yield Flaw.XOBJECT


def _transfer(_owner: pikepdf.Object, value: Any) -> Iterator[Flaw]:
    """6.2.8: no transfer function; a role map may hold the same key with a name."""
    if not isinstance(value, pikepdf.Name) or str(value) == "/Identity":
        yield Flaw.GRAPHICS_STATE


def _transfer_default(_owner: pikepdf.Object, value: Any) -> Iterator[Flaw]:
    """6.2.8: TR2 may only say Default."""
    if str(value) != "/Default" if isinstance(value, pikepdf.Name) else True:
        yield Flaw.GRAPHICS_STATE


def _true(flaw: Flaw) -> Rule:
    def rule(_owner: pikepdf.Object, value: Any) -> Iterator[Flaw]:
        """6.2.4 (interpolation), 6.9 (appearances to be made)."""
        if value is True:
            yield flaw

    return rule


def _present(flaw: Flaw, *, in_stream: bool = False) -> Rule:
    def rule(owner: pikepdf.Object, _value: Any) -> Iterator[Flaw]:
        """The key alone is the flaw; `in_stream` when it is one in a stream's dictionary only."""
        if not in_stream or isinstance(owner, pikepdf.Stream):
            yield flaw

    return rule


RULES: dict[str, Rule] = {
    "/S": _actions,
    "/BaseFont": _font,
    "/Rect": _annotation,
    "/SMask": _soft_mask,
    "/CA": _opacity,
    "/ca": _opacity,
    "/BM": _blend_mode,
    "/Filter": _filter,
    "/Subtype": _subtype,
    "/Subtype2": _subtype,
    "/TR": _transfer,
    "/TR2": _transfer_default,
    "/Interpolate": _true(Flaw.XOBJECT),
    "/NeedAppearances": _true(Flaw.FORM),
    "/JS": _present(Flaw.JAVASCRIPT),
    "/AA": _present(Flaw.ACTION),
    "/EF": _present(Flaw.EMBEDDED_FILE),
    "/EmbeddedFiles": _present(Flaw.EMBEDDED_FILE),
    "/XFA": _present(Flaw.XFA),
    "/OCProperties": _present(Flaw.OPTIONAL_CONTENT),
    "/Alternates": _present(Flaw.XOBJECT),
    "/OPI": _present(Flaw.XOBJECT),
    "/Ref": _present(Flaw.XOBJECT, in_stream=True),
    "/F": _present(Flaw.EXTERNAL_STREAM, in_stream=True),
    "/FFilter": _present(Flaw.EXTERNAL_STREAM),
    "/FDecodeParms": _present(Flaw.EXTERNAL_STREAM),
}
"""Rule by the key whose presence calls it. A rule sees the dictionary and the key's value and yields the flaws it finds."""
