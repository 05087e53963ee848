"""The last touch on what Ghostscript wrote: no attached file, no action, no Info dictionary that could contradict the XMP.

Ghostscript 10.0 keeps attached files in a PDF/A-1, 10.05 the script of an opening too; 10.0 writes Info dates in a form that strict
validators do not find equal to the XMP's. Info is optional in ISO 19005-1 (6.7.3), so it goes. Streams are copied as they are. Source:
observed, judged by Preflight in the tests.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pikepdf

from gateway.cda.pdf.conversion import PdfaConversionFailed

_VERSION = "1.4"


def _strip(pdf: pikepdf.Pdf) -> None:
    names = pdf.Root.get("/Names")
    unwanted = (
        (pdf.trailer, "/Info"),
        (pdf.Root, "/AF"),
        (pdf.Root, "/OpenAction"),
        (pdf.Root, "/A"),
        (pdf.Root, "/AA"),
        (names, "/EmbeddedFiles"),
        (names, "/JavaScript"),
        *((page.obj, "/AA") for page in pdf.pages),
    )
    for owner, key in unwanted:
        if isinstance(owner, pikepdf.Dictionary) and key in owner:
            del owner[key]


def finish(converted: Path, result: Path) -> None:
    """Writes `result` from `converted`; raises PdfaConversionFailed when Ghostscript left nothing readable."""
    try:
        with pikepdf.open(converted, attempt_recovery=False, inherit_page_attributes=False, suppress_warnings=True) as pdf:
            _strip(pdf)
            pdf.save(
                result,
                force_version=_VERSION,
                compress_streams=False,
                stream_decode_level=pikepdf.StreamDecodeLevel.none,
                object_stream_mode=pikepdf.ObjectStreamMode.disable,
                fix_metadata_version=False,
            )
    except (pikepdf.PdfError, FileNotFoundError) as error:
        with contextlib.suppress(FileNotFoundError):
            result.unlink()
        raise PdfaConversionFailed(technical=f"finish: {type(error).__name__}", reason="le résultat est illisible") from None
