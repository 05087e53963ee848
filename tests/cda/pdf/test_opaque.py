"""Soft-masked images laid on white."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest

from gateway.cda.pdf.opaque import make_opaque
from tests.cda import pdf_samples as samples

RED = bytes((255, 0, 0)) * 4
HALF = bytes((0, 128, 255, 255))


def masked(pixels: bytes, mask: bytes, **of_mask: object) -> bytes:
    """A page with one image of 2 by 2 dots and its soft mask."""

    def change(pdf: pikepdf.Pdf) -> None:
        common = {"Type": pikepdf.Name.XObject, "Subtype": pikepdf.Name.Image, "Width": 2, "Height": 2, "BitsPerComponent": 8}
        soft = pdf.make_stream(mask, **common, ColorSpace=pikepdf.Name.DeviceGray, **of_mask)
        image = pdf.make_stream(pixels, **common, ColorSpace=pikepdf.Name.DeviceRGB, SMask=soft)
        pdf.pages[0].obj.Resources.XObject = pikepdf.Dictionary(Im0=image)

    return samples.changed(change)


def image_after(data: bytes, folder: Path) -> tuple[int, pikepdf.Stream, Callable[[], None]]:
    (folder / "in.pdf").write_bytes(data)
    changed = make_opaque(folder / "in.pdf", folder / "out.pdf")
    pdf = pikepdf.open(io.BytesIO((folder / "out.pdf").read_bytes()))
    found = pdf.pages[0].obj.Resources.XObject.Im0
    assert isinstance(found, pikepdf.Stream)
    return changed, found, pdf.close


@pytest.mark.parametrize(
    ("of_mask", "expected"),
    [
        ({}, [(255, 255, 255), (255, 127, 127), (255, 0, 0), (255, 0, 0)]),
        ({"Decode": [1, 0]}, [(255, 0, 0), (255, 128, 128), (255, 255, 255), (255, 255, 255)]),
    ],
    ids=["plain", "inverted"],
)
def test_the_mask_mixes_the_image_with_white(of_mask: dict[str, object], expected: list[tuple[int, ...]], tmp_path: Path) -> None:
    changed, found, close = image_after(masked(RED, HALF, **of_mask), tmp_path)
    picture = pikepdf.PdfImage(found).as_pil_image()
    assert changed == 1
    assert "/SMask" not in found
    dots = [picture.getpixel((x, y)) for y in range(2) for x in range(2)]
    for dot, wanted in zip(dots, expected, strict=True):
        assert isinstance(dot, tuple)
        assert all(abs(a - b) <= 1 for a, b in zip(dot, wanted, strict=True))
    close()


def test_a_larger_mask_decides_the_size(tmp_path: Path) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        image = pdf.pages[0].obj.Resources.XObject.Im0
        image.SMask = pdf.make_stream(
            bytes(64), Subtype=pikepdf.Name.Image, Width=8, Height=8, BitsPerComponent=8, ColorSpace=pikepdf.Name.DeviceGray
        )

    _, found, close = image_after(samples.changed(change, masked(RED, HALF)), tmp_path)
    picture = pikepdf.PdfImage(found).as_pil_image()
    assert picture.size == (8, 8)
    assert picture.convert("L").getextrema() == (255, 255)
    close()


def test_a_mask_for_another_background_or_an_unreadable_image_is_left(tmp_path: Path) -> None:
    changed, found, close = image_after(masked(RED, HALF, Matte=[1, 1, 1]), tmp_path)
    assert (changed, "/SMask" in found) == (0, True)
    close()
    changed, found, close = image_after(masked(b"short", HALF), tmp_path)
    assert (changed, "/SMask" in found) == (0, True)
    close()


def test_a_file_without_masks_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "in.pdf").write_bytes(samples.plain())
    assert make_opaque(tmp_path / "in.pdf", tmp_path / "out.pdf") == 0
    with pikepdf.open(tmp_path / "out.pdf") as pdf:
        assert len(pdf.pages) == 1
