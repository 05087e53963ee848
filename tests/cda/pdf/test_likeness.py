"""The comparison of a document before and after, and the colour profile that goes into it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from gateway.cda.pdf.likeness import compare_text, same_look, sampled_pages
from gateway.cda.pdf.srgb import srgb_profile


def test_order_and_spacing_may_move_letters_may_not() -> None:
    likeness = compare_text("Prescription du 3 mai\nÉlodie", "Élodie   Prescription\ndu 3 mai", threshold=0.9)
    assert (likeness.kept, likeness.changed, likeness.emptied) == (1.0, (), ())


def test_lost_accents_are_a_change() -> None:
    before = "été à l'hôpital où naïveté déjà vécue, créatinine élevée"
    likeness = compare_text(before, "t  l'hpital o navet dj vcue, cratinine leve", threshold=0.9)
    assert likeness.changed == (1,)


def test_a_page_without_letters_left_is_told_apart() -> None:
    likeness = compare_text("première page\fdeuxième page\f", "première page\f\f", threshold=0.9)
    assert (likeness.changed, likeness.emptied) == ((), (2,))


def test_a_missing_page_counts_as_emptied() -> None:
    assert compare_text("page numéro une\fpage numéro deux", "page numéro une", threshold=0.9).emptied == (2,)


def test_ligatures_and_composed_accents_are_the_same_letters() -> None:
    assert compare_text("coefficient e\u0301leve\u0301", "coe\ufb03cient élevé", threshold=1).kept == 1.0


@given(st.text(alphabet="abcé12 \n\f"))
def test_a_text_is_like_itself(text: str) -> None:
    likeness = compare_text(text, text, threshold=1)
    assert (likeness.kept, likeness.changed, likeness.emptied) == (1.0, (), ())


@given(pages=st.integers(1, 3000), wanted=st.integers(1, 60), data=st.data())
def test_sampled_pages_are_pages_and_not_too_many(pages: int, wanted: int, data: st.DataObject) -> None:
    always = data.draw(st.lists(st.integers(1, pages), unique=True, max_size=wanted))
    found = sampled_pages(pages, wanted, always)
    assert set(always) <= set(found) <= set(range(1, pages + 1))
    assert len(found) <= wanted
    assert found == sorted(set(found)) != []


def grey(path: Path, size: tuple[int, int], ink: dict[tuple[int, int], int]) -> Path:
    image = Image.new("L", size, 255)
    for point, value in ink.items():
        image.putpixel(point, value)
    image.save(path, format="PNG")
    return path


LINES = {(x, y): 0 for x in range(10, 90) for y in range(20, 100, 8)}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (LINES, True),
        (dict.fromkeys(LINES, 30), True),
        ({(x + 1, y): 0 for x, y in LINES}, True),
        ({}, False),
        ({point: 0 for point in LINES if point[1] < 60}, False),
        ({(x, y): 0 for x in range(100) for y in range(100)}, False),
        ({point: 0 for point in LINES if not (40 < point[0] < 60 and 44 <= point[1] < 60)}, False),
    ],
    ids=["same", "paler", "shifted", "blank", "half lost", "black", "one word lost"],
)
def test_the_look_of_a_page(after: dict[tuple[int, int], int], expected: bool, tmp_path: Path) -> None:
    before = grey(tmp_path / "before.png", (100, 120), LINES)
    assert same_look(before, grey(tmp_path / "after.png", (100, 120), after)) is expected


def test_another_size_or_no_image_is_another_look(tmp_path: Path) -> None:
    before = grey(tmp_path / "before.png", (100, 120), LINES)
    assert not same_look(before, grey(tmp_path / "after.png", (120, 100), {}))
    assert not same_look(before, tmp_path / "absent.png")
    (tmp_path / "short.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert not same_look(before, tmp_path / "short.png")
    (tmp_path / "short.png").write_bytes(b"P5\nx y\n255\nabc")
    assert not same_look(before, tmp_path / "short.png")
    (tmp_path / "text.png").write_bytes(b"no image at all")
    assert not same_look(before, tmp_path / "text.png")


def test_the_profile_is_srgb_of_icc_2_for_another_reader() -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    assert profile.profile.version == pytest.approx(2.1)
    assert profile.profile.xcolor_space.strip() == "RGB"
    colours = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 128, 255), (37, 99, 201), (128, 128, 128)]
    image = Image.new("RGB", (len(colours), 1))
    for column, colour in enumerate(colours):
        image.putpixel((column, 0), colour)
    seen = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"))
    assert seen is not None
    for column, colour in enumerate(colours):
        found = seen.getpixel((column, 0))
        assert isinstance(found, tuple)
        assert all(abs(a - b) <= 1 for a, b in zip(found, colour, strict=True))
