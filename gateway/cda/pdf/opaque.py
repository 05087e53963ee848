"""Makes images with a soft mask opaque, on white, so that a logo does not turn its whole page into a picture.

PDF/A-1 has no transparency (ISO 19005-1 6.4) and Ghostscript answers it by drawing the page as one image: text is no longer text. Practice
letterheads are full of such logos. Run as `python -m gateway.cda.pdf.opaque SOURCE TARGET` in a confined process, because it decodes
images; the conversion compares the look afterwards and falls back when white was not what lay below.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import pikepdf
from PIL import Image

_LEFTOVERS = ("/SMask", "/Mask", "/Decode", "/DecodeParms", "/Intent", "/Metadata", "/SMaskInData")


def make_opaque(source: Path, target: Path) -> int:
    """Writes `target` with every readable soft-masked image laid on white; the number of images changed. Raises what pikepdf raises."""
    changed = 0
    with pikepdf.open(source, inherit_page_attributes=False, suppress_warnings=True) as pdf:
        for item in pdf.objects:
            if isinstance(item, pikepdf.Stream) and isinstance(item.get("/SMask"), pikepdf.Stream):
                flattened = _on_white(item)
                if flattened is not None:
                    _replace(item, flattened)
                    changed += 1
        pdf.save(target)
    return changed


def _on_white(item: pikepdf.Stream) -> Image.Image | None:
    """The image over white through its mask; None when either cannot be read, or when the mask was made for another background."""
    mask_stream = item["/SMask"]
    if not isinstance(mask_stream, pikepdf.Stream) or "/Matte" in mask_stream:
        return None
    try:
        image = pikepdf.PdfImage(item).as_pil_image().convert("RGB")
        mask = pikepdf.PdfImage(mask_stream).as_pil_image().convert("L")
    except (pikepdf.PikepdfError, ValueError, TypeError, NotImplementedError, OSError):
        return None
    size = (max(image.width, mask.width), max(image.height, mask.height))
    return Image.composite(image.resize(size), Image.new("RGB", size, "white"), mask.resize(size))


def _replace(item: pikepdf.Stream, image: Image.Image) -> None:
    for key in _LEFTOVERS:
        if key in item:
            del item[key]
    item["/Width"], item["/Height"], item["/BitsPerComponent"] = image.width, image.height, 8
    item["/ColorSpace"] = pikepdf.Name.DeviceRGB
    item.write(zlib.compress(image.tobytes()), filter=pikepdf.Name.FlateDecode)


if __name__ == "__main__":
    make_opaque(Path(sys.argv[1]), Path(sys.argv[2]))
