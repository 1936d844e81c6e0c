"""Colours as things have them: many are white, grey or brown, some are loud.

Knows RGB in bytes; not what is painted.
"""

import colorsys

import numpy as np

from ..chance import Rng, weighted_index

Color = tuple[int, int, int]

# (share, hue, saturation, value), each a range
PALETTE = (
    (0.34, (0.0, 1.0), (0.65, 1.0), (0.45, 1.0)),  # printed and plastic
    (0.16, (0.0, 1.0), (0.2, 0.6), (0.5, 1.0)),  # faded
    (0.16, (0.0, 1.0), (0.0, 0.08), (0.82, 1.0)),  # white
    (0.12, (0.0, 1.0), (0.0, 0.12), (0.3, 0.8)),  # grey
    (0.10, (0.0, 1.0), (0.0, 0.4), (0.04, 0.25)),  # black
    (0.12, (0.04, 0.13), (0.25, 0.75), (0.3, 0.85)),  # wood, cardboard, leather
)
SHARES = [row[0] for row in PALETTE]


def random_color(rng: Rng) -> Color:
    """Draw a colour of the palette."""
    row = PALETTE[weighted_index(rng, SHARES)]
    return rgb(*(float(rng.uniform(*bounds)) for bounds in row[1:]))


def rgb(hue: float, saturation: float, value: float) -> Color:
    """Convert from HSV, each 0 to 1."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def contrasting(color: Color, rng: Rng) -> Color:
    """Draw a colour that can be read on `color`."""
    for _ in range(20):
        other = random_color(rng)
        if abs(luma(other) - luma(color)) > 90:
            return other
    return (10, 10, 10) if luma(color) > 127 else (245, 245, 245)


def luma(color: Color) -> float:
    """Return the brightness, 0 to 255 (ITU-R BT.601)."""
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]


def temperature(kelvin: float) -> tuple[float, float, float]:
    """Return a light's colour, its brightest channel 1; a line on 2,700 K to 9,000 K."""
    blue = np.clip((kelvin - 2700) / (6500 - 2700), 0.0, 1.0)
    red = np.clip(1.0 - (kelvin - 6500) / 12000, 0.0, 1.0)
    return float(red), float(0.78 + 0.2 * min(blue, red)), float(0.55 + 0.45 * blue)
