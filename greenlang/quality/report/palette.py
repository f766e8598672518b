"""The colours of the page and of the pictures, for light and dark.

Belongs here: colours, and which of them stand on which, with the contrast that WCAG 2.2 level AA asks for. Does not
belong here: layout. The style sheet takes its colours from here alone, so that the tests see every one.
"""

from __future__ import annotations

TEXT = 4.5  # success criterion 1.4.3, text of any size
SHAPE = 3.0  # success criterion 1.4.11, parts of a picture

LIGHT = {
    "ground": "#ffffff",
    "raised": "#f4f7f5",
    "text": "#16211c",
    "quiet": "#4b5952",
    "line": "#d3dcd7",
    "link": "#0a5c48",
    "focus": "#0a5c48",
    "pass": "#14613a",
    "pass-ground": "#e3f3e9",
    "fail": "#9b1c1c",
    "fail-ground": "#fdeaea",
    "warn": "#724700",
    "warn-ground": "#fcf1d9",
    "idle": "#4b5952",
    "idle-ground": "#e9eeeb",
    "wheel-pass": "#2b7a50",
    "wheel-fail": "#c23b32",
    "wheel-idle": "#7b8981",
    "wheel-track": "#e9eeeb",
    "bar": "#2b7a50",
}
DARK = {
    "ground": "#0f1512",
    "raised": "#18211c",
    "text": "#e7eeea",
    "quiet": "#a6b5ad",
    "line": "#33413a",
    "link": "#77d3ae",
    "focus": "#77d3ae",
    "pass": "#86dcac",
    "pass-ground": "#12301f",
    "fail": "#ffa8a0",
    "fail-ground": "#401917",
    "warn": "#f2c46d",
    "warn-ground": "#37290c",
    "idle": "#a6b5ad",
    "idle-ground": "#232e28",
    "wheel-pass": "#4fb983",
    "wheel-fail": "#f0746a",
    "wheel-idle": "#7f9087",
    "wheel-track": "#232e28",
    "bar": "#4fb983",
}

# foreground, grounds, least contrast
PAIRS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("text", ("ground", "raised", "pass-ground", "fail-ground", "warn-ground", "idle-ground"), TEXT),
    ("quiet", ("ground", "raised"), TEXT),
    ("link", ("ground", "raised", "warn-ground"), TEXT),
    ("focus", ("ground", "raised"), SHAPE),
    ("pass", ("pass-ground", "ground", "raised"), TEXT),
    ("fail", ("fail-ground", "ground", "raised"), TEXT),
    ("warn", ("warn-ground", "ground", "raised"), TEXT),
    ("idle", ("idle-ground", "ground", "raised"), TEXT),
    ("wheel-pass", ("ground", "raised", "wheel-track"), SHAPE),
    ("wheel-fail", ("ground", "raised", "wheel-track"), SHAPE),
    ("wheel-idle", ("ground", "raised", "wheel-track"), SHAPE),
    ("bar", ("ground", "raised"), SHAPE),  # the thresholds lie in a halo of the ground, so text on ground is theirs
)


def variables(colours: dict[str, str]) -> str:
    """The colours as CSS custom properties."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())
