"""Small things beside a road as flat pictures: trees, people, poles, signs, lamps, bins, bicycles.

Knows how each looks and how large it is; not where it stands.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from ...core.frame import U8
from ..chance import Rng, log_uniform
from .colors import Color, random_color, rgb
from .streets_camera import F32
from .streets_stage import Sprite
from .streets_surfaces import green_color, rough

_MOST = 160  # pixels of the longer side
Point = tuple[float, float]


class Pen:
    """Draws in metres on a picture with holes; (0, 0) is the foot in the middle, y goes up."""

    def __init__(self, wide: float, tall: float) -> None:
        self.wide, self.tall = wide, tall
        self._dots = _MOST / max(wide, tall)
        shape = (max(2, round(tall * self._dots)), max(2, round(wide * self._dots)))
        self.color: U8 = np.zeros((*shape, 3), np.uint8)
        self.alpha: U8 = np.zeros(shape, np.uint8)

    def polygon(self, points: list[Point], color: Color) -> None:
        """Fill a polygon."""
        corners = np.array([self._pixel(point) for point in points], np.int32)
        cv2.fillPoly(self.color, [corners], color)
        cv2.fillPoly(self.alpha, [corners], (255,))

    def bar(self, x: float, low: float, high: float, wide: float, color: Color) -> None:
        """Fill an upright bar."""
        left, right = x - wide / 2, x + wide / 2
        self.polygon([(left, low), (left, high), (right, high), (right, low)], color)

    def ellipse(self, middle: Point, radii: Point, color: Color, turn: float = 0.0) -> None:
        """Fill an ellipse, turned by degrees."""
        axes = (max(1, round(radii[0] * self._dots)), max(1, round(radii[1] * self._dots)))
        cv2.ellipse(self.color, self._pixel(middle), axes, turn, 0, 360, color, -1)
        cv2.ellipse(self.alpha, self._pixel(middle), axes, turn, 0, 360, (255,), -1)

    def line(self, start: Point, end: Point, wide: float, color: Color) -> None:
        """Draw a line."""
        thick = max(1, round(wide * self._dots))
        cv2.line(self.color, self._pixel(start), self._pixel(end), color, thick)
        cv2.line(self.alpha, self._pixel(start), self._pixel(end), (255,), thick)

    def ring(self, middle: Point, radius: float, wide: float, color: Color) -> None:
        """Draw a circle."""
        thick, size = max(1, round(wide * self._dots)), round(radius * self._dots)
        cv2.circle(self.color, self._pixel(middle), size, color, thick)
        cv2.circle(self.alpha, self._pixel(middle), size, (255,), thick)

    def sprite(self) -> Sprite:
        """Return what is drawn."""
        return Sprite(self.color, self.alpha, self.wide, self.tall)

    def _pixel(self, point: Point) -> tuple[int, int]:
        rows, columns = self.alpha.shape
        return round(columns / 2 + point[0] * self._dots), round(rows - 1 - point[1] * self._dots)


def tree(rng: Rng) -> Sprite:
    """Grow a tree of leaves, needles or bare twigs."""
    tall = log_uniform(rng, 3.5, 16)
    wide = tall * rng.uniform(0.35, 0.95)
    pen = Pen(wide, tall)
    clear = tall * rng.uniform(0.1, 0.4)
    pen.bar(0.0, 0.0, clear + 0.3 * tall, tall * rng.uniform(0.025, 0.06), _bark(rng))
    kind = (_leaves, _needles, _twigs)[rng.choice(3, p=[0.72, 0.15, 0.13])]
    kind(pen, clear, rng)
    return pen.sprite()


def bush(rng: Rng) -> Sprite:
    """Grow a bush."""
    tall = rng.uniform(0.5, 2.2)
    pen = Pen(tall * rng.uniform(0.9, 2.2), tall)
    _leaves(pen, 0.0, rng)
    return pen.sprite()


def _leaves(pen: Pen, clear: float, rng: Rng) -> None:
    """Clump leaves: ellipses with a ragged edge, brighter toward the top."""
    rows, columns = pen.alpha.shape
    crown = np.zeros((rows, columns), np.uint8)
    low = rows * (1 - clear / pen.tall)
    for _ in range(int(rng.integers(4, 14))):
        axes = np.array([columns, low]) * rng.uniform(0.12, 0.3, 2)
        middle = rng.uniform(axes, np.array([columns, low]) - axes)
        cv2.ellipse(
            crown, middle.astype(int).tolist(), axes.astype(int).tolist(), 0, 0, 360, (255,), -1
        )
    noise = _patch(rng, rows, columns)
    soft = cv2.GaussianBlur(crown, (0, 0), 3).astype(np.float32) / 255
    is_leaf = soft + 0.16 * noise > rng.uniform(0.35, 0.6)
    glow = np.linspace(0.25, -0.25, rows, dtype=np.float32)[:, None] + noise * np.float32(0.22)
    leaf = np.array(_leaf_color(rng), np.float32) * (1 + glow)[..., None]
    pen.color[is_leaf] = np.clip(leaf, 0, 255).astype(np.uint8)[is_leaf]
    pen.alpha[is_leaf] = 255


def _bark(rng: Rng) -> Color:
    return rgb(rng.uniform(0.03, 0.12), rng.uniform(0, 0.5), rng.uniform(0.1, 0.5))


def _patch(rng: Rng, rows: int, columns: int) -> F32:
    """Cut noise out of a tile, (H, W)."""
    tile = rough(rng, 256, {16: 0.7, 32: 0.8, 128: 1.0})
    return tile[:rows, :columns]


def _leaf_color(rng: Rng) -> Color:
    """Draw green, mostly; autumn or blossom at times."""
    if rng.random() < 0.85:
        return rgb(rng.uniform(0.14, 0.4), rng.uniform(0.2, 0.75), rng.uniform(0.12, 0.55))
    return rgb(rng.uniform(-0.1, 0.15), rng.uniform(0.2, 0.9), rng.uniform(0.3, 0.9))


def _needles(pen: Pen, clear: float, rng: Rng) -> None:
    """Stack a spruce's or cypress's boughs."""
    color, count = green_color(rng), int(rng.integers(4, 12))
    dark = rng.uniform(0.3, 0.7)
    for k in range(count):
        low = clear + (pen.tall - clear) * k / count
        high = min(pen.tall, low + 1.8 * (pen.tall - clear) / count)
        half = pen.wide / 2 * (1 - k / count) * rng.uniform(0.75, 1.0)
        tone = dark * rng.uniform(0.8, 1.2)
        shaded = (int(color[0] * tone), int(color[1] * tone), int(color[2] * tone))
        pen.polygon([(-half, low), (0, high), (half, low)], shaded)


def _twigs(pen: Pen, clear: float, rng: Rng) -> None:
    """Fork bare boughs, or a palm's leaves."""
    is_palm, bark = rng.random() < 0.4, _bark(rng)
    top = pen.tall * 0.75 if is_palm else clear
    if is_palm:
        pen.bar(0, 0, top, 0.3, bark)
    for _ in range(int(rng.integers(12, 50))):
        way, long = rng.uniform(0.1, np.pi - 0.1), rng.uniform(0.3, 0.9) * pen.wide / 2
        start = (0.0, top if is_palm else rng.uniform(clear, 0.75 * pen.tall))
        end = (
            start[0] + long * np.cos(way),
            start[1] + long * np.sin(way) * (0.3 if is_palm else 1),
        )
        pen.line(start, end, 0.22 if is_palm else 0.05, green_color(rng) if is_palm else bark)


def person(rng: Rng) -> Sprite:
    """Dress a person who stands or walks."""
    tall = rng.uniform(1.5, 1.95) if rng.random() < 0.85 else rng.uniform(0.9, 1.4)
    pen = Pen(0.45 * tall, tall)
    skin = rgb(rng.uniform(0.03, 0.09), rng.uniform(0.25, 0.6), rng.uniform(0.25, 0.95))
    coat, trousers, step = random_color(rng), random_color(rng), rng.uniform(0.0, 0.16) * tall
    for side in (-1, 1):
        pen.line(
            (side * 0.04 * tall, 0.5 * tall),
            (side * (0.03 * tall + step), 0.02),
            0.09 * tall,
            trousers,
        )
        pen.line(
            (side * 0.12 * tall, 0.78 * tall),
            (side * (0.13 * tall + step * 0.4), 0.47 * tall),
            0.06 * tall,
            coat,
        )
    pen.ellipse((0, 0.65 * tall), (0.125 * tall, 0.2 * tall), coat)
    if rng.random() < 0.3:
        pen.ellipse((0.1 * tall, 0.55 * tall), (0.07 * tall, 0.1 * tall), random_color(rng))
    pen.ellipse((0, 0.91 * tall), (0.06 * tall, 0.085 * tall), skin)
    pen.ellipse((0, 0.95 * tall), (0.062 * tall, 0.05 * tall), random_color(rng))
    return pen.sprite()


def cyclist(rng: Rng) -> Sprite:
    """Seat a person on a bicycle, seen from the end or the side; or lean a bicycle."""
    pen, dark = Pen(1.9, 1.75), (25, 25, 28)
    frame, has_rider = random_color(rng), rng.random() < 0.7
    for x in (-0.52, 0.52):
        pen.ring((x, 0.34), 0.32, 0.05, dark)
    for start, end in (
        ((-0.52, 0.34), (-0.15, 0.85)),
        ((-0.15, 0.85), (0.4, 0.8)),
        ((0.4, 0.95), (0.52, 0.34)),
        ((-0.15, 0.85), (0.0, 0.34)),
        ((0.0, 0.34), (0.4, 0.8)),
    ):
        pen.line(start, end, 0.05, frame)
    if has_rider:
        pen.line((-0.15, 0.95), (0.05, 0.35), 0.14, random_color(rng))
        coat = random_color(rng)
        pen.line((-0.12, 1.0), (0.15, 1.4), 0.3, coat)
        pen.line((0.15, 1.35), (0.42, 1.0), 0.1, coat)
        pen.ellipse((0.22, 1.6), (0.1, 0.13), random_color(rng))
    return pen.sprite()


def lamp(rng: Rng) -> Sprite:
    """Put up a street lamp, with an arm or a head."""
    tall, arm = rng.uniform(3.5, 10), float(rng.choice([-1, 0, 1])) * rng.uniform(0.8, 2.2)
    pen, grey = Pen(2 * abs(arm) + 1.0, tall), _metal(rng)
    pen.bar(0, 0, tall - 0.1, rng.uniform(0.1, 0.2), grey)
    pen.line((0, tall - 0.12), (arm, tall - 0.12), 0.1, grey)
    pen.ellipse((arm, tall - 0.2), (0.35, 0.16), rgb(0.12, 0.1, rng.uniform(0.5, 1.0)))
    return pen.sprite()


def sign(rng: Rng) -> Sprite:
    """Put up a traffic sign, a name, or an advertisement."""
    tall, radius = rng.uniform(2.2, 3.2), rng.uniform(0.28, 0.45)
    pen, y = Pen(2 * radius + 0.2, tall), tall - radius - 0.02
    pen.bar(0, 0, tall - radius, 0.07, _metal(rng))
    rim, face = random_color(rng), (240, 240, 240) if rng.random() < 0.6 else random_color(rng)
    corners = int(rng.choice([3, 4, 4, 8, 40]))
    start = np.pi / 2 if corners in (3, 40) or rng.random() < 0.3 else np.pi / 4
    for color, size in ((rim, radius), (face, 0.75 * radius)):
        angles = start + np.arange(corners) * 2 * np.pi / corners
        pen.polygon([(size * np.cos(a), y + size * np.sin(a)) for a in angles], color)
    pen.line((-radius / 3, y), (radius / 3, y), 0.1, random_color(rng))
    return pen.sprite()


def signal(rng: Rng) -> Sprite:
    """Put up a traffic light."""
    tall = rng.uniform(2.8, 3.6)
    pen = Pen(0.6, tall)
    pen.bar(0, 0, tall, 0.1, _metal(rng))
    pen.bar(0, tall - 1.0, tall, 0.34, (20, 22, 20))
    for k, color in enumerate(((255, 40, 30), (255, 190, 40), (60, 255, 130))):
        on = color if k == rng.integers(3) else (45, 40, 40)
        pen.ellipse((0, tall - 0.18 - 0.32 * k), (0.11, 0.11), on)
    return pen.sprite()


def pole(rng: Rng) -> Sprite:
    """Put up a mast of wood or concrete, with a beam at times."""
    tall = rng.uniform(5, 11)
    pen, color = Pen(2.4, tall), rgb(0.08, rng.uniform(0, 0.5), rng.uniform(0.15, 0.7))
    pen.bar(0, 0, tall, rng.uniform(0.14, 0.32), color)
    if rng.random() < 0.6:
        pen.polygon(
            [(-1.1, tall - 0.7), (-1.1, tall - 0.55), (1.1, tall - 0.55), (1.1, tall - 0.7)], color
        )
    return pen.sprite()


def bollard(rng: Rng) -> Sprite:
    """Set a bollard."""
    tall = rng.uniform(0.6, 1.2)
    pen = Pen(0.3, tall)
    pen.bar(0, 0, tall, rng.uniform(0.1, 0.28), random_color(rng))
    pen.bar(0, 0.75 * tall, 0.88 * tall, 0.28, random_color(rng))
    return pen.sprite()


def bin_or_box(rng: Rng) -> Sprite:
    """Put down a bin, a cabinet, a bench's end, a heap."""
    wide, tall = rng.uniform(0.4, 1.6), rng.uniform(0.6, 1.6)
    pen = Pen(wide, tall)
    pen.bar(0, 0, tall, wide, random_color(rng))
    pen.bar(0, 0.85 * tall, tall, wide, random_color(rng))
    return pen.sprite()


def _metal(rng: Rng) -> Color:
    return rgb(rng.uniform(0, 1), rng.uniform(0, 0.25), rng.uniform(0.12, 0.75))


POLES: Mapping[Callable[[Rng], Sprite], float] = {
    lamp: 5,
    sign: 3,
    signal: 1.5,
    pole: 2,
    bollard: 1.5,
    bin_or_box: 1,
}
