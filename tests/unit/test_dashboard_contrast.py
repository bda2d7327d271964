"""The colours of the dashboard can be read (WCAG 2.2: 4.5 to 1 for text), and are told apart by colour-blind people."""

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).parents[2] / "orchestrator/dashboard/static/dashboard.css").read_text()
_BLOCKS = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
THEMES = [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block)) for block in _BLOCKS]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_formula_on_known_pairs() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(theme: dict[str, str]) -> None:
    for text in ("ink", "dim", "blue", "good", "bad", "warn"):
        for ground in ("bg", "card", "soft"):
            assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)
    assert contrast(theme["card"], theme["bad"]) >= 4.5 and contrast(theme["card"], theme["blue"]) >= 4.5, "buttons"


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark"])
def test_lines_and_edges_are_seen(theme: dict[str, str]) -> None:
    for line in ("blue", "orange", "good", "bad", "warn", "focus"):
        assert contrast(theme[line], theme["card"]) >= 3, line


def test_both_themes_have_the_same_colours() -> None:
    assert len(THEMES) == 2
    assert THEMES[0].keys() == THEMES[1].keys()
