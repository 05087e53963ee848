"""Pictures drawn by formula: an electrocardiogram, an ultrasound sector, a scanned handwritten page. Same seed, same pixels."""

from __future__ import annotations

import io
import math
import random
from pathlib import Path

import reportlab
from PIL import Image, ImageDraw, ImageFilter, ImageFont

_WAVES = ((0.12, 0.16, 0.022), (-0.14, 0.315, 0.009), (1.15, 0.34, 0.011), (-0.28, 0.365, 0.010), (0.30, 0.58, 0.045))
"""P, Q, R, S, T of one beat: height in mV, place and width as shares of the beat."""

_CHAMBERS = ((190, 170, 290, 370, 40), (300, 190, 380, 360, 55), (210, 395, 300, 480, 45), (310, 390, 385, 470, 50))
"""Left, top, right, bottom and grey of the four chambers."""

_LETTERHEAD = (
    "Docteur Camille MOREL",
    "Médecine générale",
    "12, quai des Essais – 29900 CONCARNEAU",
    "Tél. 02 61 91 42 10 – RPPS 99700366240",
)


def electrocardiogram() -> Image.Image:
    """Three leads on pink millimetre paper, 25 mm/s."""
    width, height, cell = 1500, 620, 10
    image = Image.new("RGB", (width, height), "#fff7f5")
    draw = ImageDraw.Draw(image)
    for position in range(0, width, cell):
        draw.line((position, 0, position, height), fill="#f2b8b0" if position % (5 * cell) == 0 else "#fae0dc")
    for position in range(0, height, cell):
        draw.line((0, position, width, position), fill="#f2b8b0" if position % (5 * cell) == 0 else "#fae0dc")
    chance = random.Random("ecg")  # noqa: S311 - a drawing
    for lead, (name, gain, base) in enumerate((("DI", 0.7, 140), ("DII", 1.0, 330), ("V5", 1.25, 540))):
        draw.text((12, base - 110), name, fill="#222222", font=ImageFont.truetype(_vera(), 22))
        points = [(x, base - 100 * gain * _beat(x / 205 + 0.13 * (lead == 2)) + chance.gauss(0, 1.1)) for x in range(0, width, 2)]
        draw.line(points, fill="#111111", width=3, joint="curve")
    return image


def _beat(time: float) -> float:
    phase = time % 1.0
    return sum(height * math.exp(-((phase - centre) ** 2) / (2 * width**2)) for height, centre, width in _WAVES)


def ultrasound() -> Image.Image:
    """A speckled sector with two dark chambers, as a cardiac ultrasound shows."""
    side = 560
    chance = random.Random("echo")  # noqa: S311 - a drawing
    noise = Image.frombytes("L", (side, side), chance.randbytes(side * side)).filter(ImageFilter.GaussianBlur(1.6))
    mask = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(mask)
    draw.pieslice((side // 2 - 530, -520, side // 2 + 530, 540), 52, 128, fill=210)
    for left, top, right, bottom, shade in (
        (190, 170, 290, 370, 40),
        (300, 190, 380, 360, 55),
        (210, 395, 300, 480, 45),
        (310, 390, 385, 470, 50),
    ):
        draw.ellipse((left, top, right, bottom), fill=shade)
    mask = mask.filter(ImageFilter.GaussianBlur(7))
    sector = Image.composite(noise.point([min(255, level * 2 // 3) for level in range(256)]), Image.new("L", (side, side), 0), mask)
    label = ImageDraw.Draw(sector)
    label.text((10, 10), "ETT 4 cavités  FEVG 58 %", fill=220, font=ImageFont.truetype(_vera(), 18))
    return sector


def scanned_page(lines: list[str]) -> bytes:
    """A JPEG of about 2 MB: a handwritten sheet seen by a grey 300 dpi scanner, slightly askew, with the paper's grain."""
    width, height = 2480, 3508
    chance = random.Random("scan")  # noqa: S311 - a drawing
    page = Image.new("L", (width, height), 244)
    draw = ImageDraw.Draw(page)
    printed = ImageFont.truetype(_vera("VeraBd.ttf"), 58), ImageFont.truetype(_vera(), 40)
    head = (
        "Docteur Camille MOREL",
        "Médecine générale",
        "12, quai des Essais – 29900 CONCARNEAU",
        "Tél. 02 61 91 42 10 – RPPS 99700366240",
    )
    for number, text in enumerate(head):
        draw.text((260, 230 + number * 66 + (20 if number else 0)), text, fill=62, font=printed[bool(number)])
    draw.line((260, 560, width - 260, 560), fill=90, width=4)
    top = 680
    for line in lines:
        _write_by_hand(page, line, 300 + chance.randint(-14, 14), top + chance.randint(-7, 7), chance)
        top += 148
    _sign_by_hand(draw, chance, 1500, top + 120)
    draw.text(
        (260, height - 190),
        "Document d'exemple : cabinet fictif, identité de test publiée.",
        fill=120,
        font=ImageFont.truetype(_vera(), 30),
    )
    page = page.rotate(-0.7, resample=Image.Resampling.BICUBIC, fillcolor=236)
    grain = Image.frombytes("L", (width, height), chance.randbytes(width * height)).filter(ImageFilter.GaussianBlur(0.8))
    page = Image.blend(page, grain, 0.12).point([min(255, level * 11 // 10) for level in range(256)])
    target = io.BytesIO()
    page.save(target, format="JPEG", quality=94, dpi=(300, 300))
    return target.getvalue()


def _write_by_hand(page: Image.Image, line: str, left: int, top: int, chance: random.Random) -> None:
    """Letters of an upright sans, slanted, trembling and joined by nothing: a doctor's capitals, still readable."""
    x = float(left)
    for letter in line:
        font = ImageFont.truetype(_vera("VeraIt.ttf"), 60 + chance.randint(-3, 4))
        advance = font.getlength(letter)
        tile = Image.new("L", (int(advance) + 40, 120), 0)
        ImageDraw.Draw(tile).text((16, 16), letter, fill=255, font=font)
        slant = 0.16 + chance.uniform(-0.05, 0.05)
        tile = tile.transform(
            tile.size, Image.Transform.AFFINE, (1, slant, -slant * 60, chance.uniform(-0.04, 0.04), 1, 0), Image.Resampling.BICUBIC
        )
        page.paste(58 + chance.randint(-14, 22), (int(x), top + chance.randint(-5, 5)), tile)
        x += advance * 0.93 + chance.uniform(-1.5, 2.5)


def _sign_by_hand(draw: ImageDraw.ImageDraw, chance: random.Random, left: int, top: int) -> None:
    points = [(left + step * 7, top + 60 * math.sin(step / 3.1) * math.exp(-step / 60) + chance.uniform(-9, 9)) for step in range(90)]
    draw.line(points, fill=55, width=7, joint="curve")


def _vera(name: str = "Vera.ttf") -> str:
    return str(Path(reportlab.__file__).parent / "fonts" / name)
