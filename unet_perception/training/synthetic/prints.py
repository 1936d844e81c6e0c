"""Print on packaging: brands, small text, bar codes, tables of contents, pictures, logos.

Knows paper of any size, (H, W, 3) RGB; not boxes or cans.
"""

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np

from ...core.frame import U8
from ..chance import Rng, weighted_index
from .colors import Color, contrasting, random_color
from .textures import blend, noise

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
CONSONANTS, VOWELS, CLOSING = 'BCDFGKLMNPRSTVZ', 'AEIOU', ('', '', 'N', 'S', 'X', 'O', 'A')
Element = Callable[[U8, Color, Rng], None]


def word(rng: Rng, syllables: int) -> str:
    """Make up a word that can be spoken."""
    letters = ''.join(
        CONSONANTS[rng.integers(len(CONSONANTS))] + VOWELS[rng.integers(len(VOWELS))]
        for _ in range(syllables)
    )
    made = letters + CLOSING[rng.integers(len(CLOSING))]
    return made if rng.random() < 0.6 else made.capitalize()


def text_into(area: U8, text: str, ink: Color, rng: Rng) -> None:
    """Write `text` as large as `area` (H, W, 3) allows, in its middle."""
    height, width = area.shape[:2]
    font = FONTS[rng.integers(len(FONTS))]
    bold = int(rng.integers(1, 4))
    (wide, high), _ = cv2.getTextSize(text, font, 1.0, bold)
    scale = 0.92 * min(width / max(wide, 1), height / max(1.5 * high, 1))
    thick = max(1, round(bold * scale))
    (wide, high), _ = cv2.getTextSize(text, font, scale, thick)
    place = ((width - wide) // 2, (height + high) // 2)
    if rng.random() < 0.3:  # an outline or a shadow
        cv2.putText(area, text, place, font, scale, contrasting(ink, rng), thick + 2, cv2.LINE_AA)
    cv2.putText(area, text, place, font, scale, ink, thick, cv2.LINE_AA)


def brand(area: U8, ink: Color, rng: Rng) -> None:
    """Write one or two big words."""
    lines = int(rng.integers(1, 3))
    for part in np.array_split(area, lines):
        text_into(part, word(rng, int(rng.integers(1, 4))), ink, rng)


def small_print(area: U8, ink: Color, rng: Rng) -> None:
    """Draw lines of text too small to be read."""
    pitch = int(rng.integers(5, 11))
    for top in range(1, len(area) - pitch, pitch):
        place = int(rng.integers(0, 4))
        while place < area.shape[1] * rng.uniform(0.7, 1.0):
            length = int(rng.integers(3, 14))
            end = place + length, top + max(1, pitch // 3)
            cv2.rectangle(area, (place, top), end, ink, -1)
            place += length + 3


def paragraph(area: U8, ink: Color, rng: Rng) -> None:
    """Write lines of text that can be read."""
    lines = int(rng.integers(2, 5))
    for part in np.array_split(area, lines):
        text = ' '.join(word(rng, int(rng.integers(1, 4))) for _ in range(3))
        text_into(part, text, ink, rng)


def bar_code(area: U8, _: Color, rng: Rng) -> None:
    """Draw black bars on white."""
    area[:] = 250
    edges = np.cumsum(rng.integers(1, 4, area.shape[1]))
    for left, right in zip(edges[0::2], edges[1::2], strict=False):
        area[2:-2, left + 2 : min(right + 2, area.shape[1] - 2)] = 15


def facts(area: U8, _: Color, rng: Rng) -> None:
    """Draw a framed table, as of nutrition facts."""
    area[:] = 248
    height, width = area.shape[:2]
    cv2.rectangle(area, (0, 0), (width - 1, height - 1), (20, 20, 20), 1)
    for top in range(3, height - 6, int(rng.integers(6, 11))):
        cv2.line(area, (0, top), (width, top), (60, 60, 60), 1)
        for left, right in ((0.06, rng.uniform(0.2, 0.6)), (0.75, rng.uniform(0.8, 0.95))):
            start, end = (int(left * width), top + 2), (int(right * width), top + 4)
            cv2.rectangle(area, start, end, (40, 40, 40), -1)


def picture(area: U8, ink: Color, rng: Rng) -> None:
    """Draw a photo, or what looks like one from afar: soft blobs, some with a bright spot."""
    size = max(area.shape[:2])
    photo = blend(noise(rng, size, rng.uniform(2, 8), octaves=4), random_color(rng), ink)
    for _ in range(int(rng.integers(2, 14))):
        middle = rng.integers(0, size, 2).tolist()
        radius = int(size * rng.uniform(0.06, 0.3)) + 2
        color = random_color(rng)
        cv2.circle(photo, middle, radius, color, -1, cv2.LINE_AA)
        lit = [middle[0] - radius // 3, middle[1] - radius // 3]
        cv2.circle(photo, lit, radius // 3, tuple(min(c + 50, 255) for c in color), -1)
    photo = cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.5, 2.5))[: len(area), : area.shape[1]]
    if rng.random() < 0.5:
        area[:] = photo
        return
    mask = np.zeros(area.shape[:2], np.uint8)
    half = area.shape[1] // 2, area.shape[0] // 2
    cv2.ellipse(mask, half, half, 0, 0, 360, (1,), -1)
    area[mask > 0] = photo[mask > 0]


def logo(area: U8, ink: Color, rng: Rng) -> None:
    """Draw a star, disc or polygon, perhaps with a word or a number on it."""
    height, width = area.shape[:2]
    middle, reach = np.array([width, height]) / 2, min(width, height) * 0.48
    corners = int(rng.choice([3, 4, 6, 24, 24]))
    angles = np.linspace(0, 2 * np.pi, 2 * corners, endpoint=False) + rng.uniform(0, 3)
    radii = np.where(np.arange(2 * corners) % 2, rng.uniform(0.5, 1.0), 1.0) * reach
    points = middle + np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None]
    cv2.fillPoly(area, [points.astype(np.int32)], ink, cv2.LINE_AA)
    if rng.random() < 0.7:
        inner = area[int(height * 0.3) : int(height * 0.7), int(width * 0.2) : int(width * 0.8)]
        text = word(rng, 1) if rng.random() < 0.6 else f'{rng.integers(1, 99)}%'
        text_into(inner, text, contrasting(ink, rng), rng)


def _ground(rng: Rng, height: int, width: int, color: Color) -> U8:
    """Draw paper in one to three colours: a band, a slope or a wave apart."""
    image: U8 = np.full((height, width, 3), color, np.uint8)
    if rng.random() < 0.3:
        ramp = np.broadcast_to(
            np.linspace(0, 1, height, dtype=np.float32)[:, None], image.shape[:2]
        )
        image = blend(ramp, color, random_color(rng))
    for _ in range(int(rng.integers(0, 3))):
        x = np.linspace(0, width, 24)
        slope, wave = rng.uniform(-0.6, 0.6), rng.choice([0.0, 0.1]) * height
        y = height * rng.uniform(0.1, 0.9) + slope * (x - width / 2)
        y += wave * np.sin(x / width * rng.uniform(3, 9))
        end = height if rng.random() < 0.5 else 0
        outline = np.concatenate([np.stack([x, y], 1), [[width, end], [0, end]]])
        cv2.fillPoly(image, [outline.astype(np.int32)], random_color(rng), cv2.LINE_AA)
    return image


FRONT: tuple[tuple[Element, float], ...] = (
    (brand, 0.34),
    (picture, 0.24),
    (logo, 0.16),
    (small_print, 0.12),
    (paragraph, 0.14),
)
SIDE: tuple[tuple[Element, float], ...] = (
    (small_print, 0.26),
    (facts, 0.2),
    (bar_code, 0.16),
    (paragraph, 0.16),
    (brand, 0.14),
    (logo, 0.08),
)


def printed(rng: Rng, height: int, width: int, color: Color, is_front: bool = True) -> U8:
    """Draw one face of a package of that colour, (height, width, 3)."""
    image = _ground(rng, height, width, color)
    table = FRONT if is_front else SIDE
    shares = np.array([share for _, share in table])
    parts = int(rng.integers(2, 6)) if is_front else int(rng.integers(1, 4))
    edges = np.sort(rng.uniform(0.0, 1.0, parts - 1)) * 0.6 + np.linspace(0, 0.4, parts + 1)[1:-1]
    rows = (np.concatenate([[0.02], edges, [0.98]]) * height).astype(int)
    for top, bottom in pairwise(rows):
        left, right = rng.uniform(0.02, 0.25) * width, rng.uniform(0.75, 0.98) * width
        area = image[top:bottom, int(left) : int(right)]
        if min(area.shape[:2]) >= 10:
            element = table[weighted_index(rng, shares)][0]
            element(area, contrasting(color, rng), rng)
    return image


def label(rng: Rng, height: int, width: int) -> U8:
    """Draw a label that goes once around a can, (height, width, 3): front and back."""
    half, color = width // 2, random_color(rng)
    front = printed(rng, height, half, color)
    back = front if rng.random() < 0.4 else printed(rng, height, half, color, is_front=False)
    return np.concatenate([front, back], axis=1)
