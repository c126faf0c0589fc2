"""The token table: both themes are legible, and no other file invents a value."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from tests.web.shell import WEB

TOKENS = (WEB / "css" / "tokens.css").read_text(encoding="utf-8")
OTHERS = sorted(file for file in (WEB / "css").glob("*.css") if file.name != "tokens.css")
LEAST_CONTRAST = 4.5

Oklch = tuple[float, float, float]

_PAIR = re.compile(r"--([\w-]+): light-dark\(oklch\(([\d. ]+)\), oklch\(([\d. ]+)\)\)")
STATES = ("running", "waiting", "review", "done", "failed")
SURFACES = ("page", "surface", "sunken", "hover")

PAIRS = [
    *[
        (f"color-{text}", f"color-{surface}")
        for text in ("text", "muted")
        for surface in (*SURFACES, "selected", "code")
    ],
    *[(f"color-{state}", f"color-{surface}") for state in STATES for surface in SURFACES],
    *[(f"color-{state}", f"color-{state}-tint") for state in STATES],
    *[("color-text", f"color-{state}-tint") for state in STATES],
    *[("color-text", f"color-{change}-{part}") for change in ("added", "removed") for part in ("line", "word")],
    *[("color-muted", f"color-{change}-line") for change in ("added", "removed")],
    *[("color-accent", f"color-{surface}") for surface in (*SURFACES, "selected")],
    ("color-on-accent", "color-accent"),
    ("color-on-accent", "color-accent-hover"),
    ("color-surface", "color-failed"),
    ("color-text", "color-mark"),
    ("color-text", "color-selection"),
    *[(f"ansi-{number}", "color-code") for number in range(16)],
]


def parse(text: str) -> Oklch:
    lightness, chroma, hue = (float(part) for part in text.split())
    return lightness, chroma, hue


TABLE = {name: {"light": parse(light), "dark": parse(dark)} for name, light, dark in _PAIR.findall(TOKENS)}


def linear_rgb(colour: Oklch) -> tuple[float, float, float]:
    """Linear sRGB of an oklch colour, cut to what a screen can show."""
    lightness, chroma, hue = colour
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    channels = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (min(1.0, max(0.0, channel)) for channel in channels)
    return red, green, blue


def luminance(colour: Oklch) -> float:
    red, green, blue = linear_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Oklch, other: Oklch) -> float:
    """WCAG 2's ratio, from 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_white_on_black_has_the_greatest_contrast() -> None:
    assert contrast((1, 0, 0), (0, 0, 0)) == pytest.approx(21, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "surface"), PAIRS)
def test_text_is_legible(text: str, surface: str, theme: str) -> None:
    assert contrast(TABLE[text][theme], TABLE[surface][theme]) >= LEAST_CONTRAST


def test_both_themes_set_the_same_names() -> None:
    colours = re.findall(r"--((?:color|ansi)-[\w-]+):", TOKENS)
    assert sorted(colours) == sorted(set(colours)), "a name is set once"
    assert TOKENS.count("--color-scrim") == 1
    assert set(TABLE) == set(colours) - {"color-scrim"}, "every colour is a pair"


@pytest.mark.parametrize("file", OTHERS, ids=[file.name for file in OTHERS])
def test_only_the_token_table_has_colours_sizes_of_type_layers_and_durations(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.findall(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch|oklab|lch)\((?!in )", text)
    assert not re.findall(r"z-index: *\d", text)
    assert not re.findall(r"font-size: *\d", text)
    assert not re.findall(r"\b\d*\.?\d+m?s\b", text)


def test_four_sizes_of_type_are_enough() -> None:
    assert len(re.findall(r"--size-\w+:", TOKENS)) == 4


@pytest.mark.parametrize("file", OTHERS, ids=[file.name for file in OTHERS])
def test_a_stylesheet_uses_only_tokens_that_exist(file: Path) -> None:
    known = set(re.findall(r"--([\w-]+):", TOKENS))
    local = {"left", "right", "above", "below", "characters", "digits"}
    assert set(re.findall(r"var\(--([\w-]+)", file.read_text(encoding="utf-8"))) - known - local == set()
