"""Surfaces without print: plain, wood, marble, cloth, checks, speckle, metal.

Knows how they look from above, (H, W, 3) RGB; not what they are put on.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.frame import U8
from ..chance import Rng, weighted_index
from .colors import Color, contrasting, random_color

F32 = NDArray[np.float32]
Texture = Callable[[Rng, int], U8]


def noise(rng: Rng, size: int, cells: float, stretch: float = 1.0, octaves: int = 3) -> F32:
    """Return smooth noise (size, size) from 0 to 1; `stretch` > 1 draws it out along x."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        rows = int(np.clip(cells * 2**octave, 2, size))
        columns = int(np.clip(cells * 2**octave / stretch, 2, size))
        grid = rng.random((rows, columns), np.float32)
        total += cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC) / 2**octave
    low, high = float(total.min()), float(total.max())
    scaled: F32 = (total - low) / np.float32(high - low + 1e-6)
    return scaled


def blend(amount: F32, first: Color, second: Color) -> U8:
    """Mix two colours by an amount (H, W) from 0 to 1."""
    ends = np.array([first, second], np.float32)
    mixed = ends[0] + np.clip(amount, 0, 1)[..., None] * (ends[1] - ends[0])
    image: U8 = mixed.astype(np.uint8)
    return image


def shade(color: Color, factor: float) -> Color:
    """Darken or lighten a colour."""
    red, green, blue = (int(np.clip(channel * factor, 0, 255)) for channel in color)
    return red, green, blue


def plain(rng: Rng, size: int) -> U8:
    """Draw one colour, hardly uneven."""
    color = random_color(rng)
    return blend(noise(rng, size, 3), shade(color, rng.uniform(0.9, 1.0)), color)


def worn(rng: Rng, size: int) -> U8:
    """Draw one colour with stains and scratches."""
    color = random_color(rng)
    amount = noise(rng, size, 4, octaves=5)
    image = blend(amount**2, color, shade(color, rng.uniform(0.5, 1.5)))
    for _ in range(int(rng.integers(4, 40))):
        start, end = rng.integers(0, size, 2), rng.integers(-size // 3, size // 3, 2)
        cv2.line(image, start.tolist(), (start + end).tolist(), shade(color, 1.3), 1, cv2.LINE_AA)
    return image


def wood(rng: Rng, size: int) -> U8:
    """Draw boards with grain; one wide board, or several side by side."""
    hue = np.array([rng.uniform(70, 225), 0, 0])
    hue[1] = hue[0] * rng.uniform(0.62, 0.9)
    hue[2] = hue[1] * rng.uniform(0.5, 0.85)
    light: Color = (int(hue[0]), int(hue[1]), int(hue[2]))
    rings = noise(rng, size, rng.uniform(3, 9), rng.uniform(4, 12)) * rng.uniform(3, 14)
    grain = 0.6 * (rings % 1.0) + 0.4 * noise(rng, size, 90, 30, 2)
    image = blend(grain.astype(np.float32), light, shade(light, rng.uniform(0.5, 0.85)))
    boards = int(rng.choice([1, 1, 3, 5, 8]))
    edges = np.linspace(0, size, boards + 1).astype(int)
    for top, bottom in pairwise(edges):
        part = np.roll(image[top:bottom], int(rng.integers(size)), axis=1)
        image[top:bottom] = np.clip(part * rng.uniform(0.85, 1.1), 0, 255)
        if boards > 1:
            image[top : top + 2] = image[top : top + 2] // 2
    return image


def marble(rng: Rng, size: int) -> U8:
    """Draw stone with veins."""
    color = random_color(rng)
    veins = np.abs(noise(rng, size, rng.uniform(3, 7), octaves=5) - 0.5) * rng.uniform(4, 14)
    return blend(veins, contrasting(color, rng), color)


def speckle(rng: Rng, size: int) -> U8:
    """Draw granite, terrazzo or sponge: grains of several colours."""
    image = plain(rng, size)
    for _ in range(int(rng.integers(1, 4))):
        grains = noise(rng, size, size / rng.uniform(1.5, 14), octaves=1)
        image[grains > rng.uniform(0.6, 0.85)] = random_color(rng)
    return image


def cloth(rng: Rng, size: int) -> U8:
    """Draw something woven or knitted: threads across and along, uneven."""
    color = random_color(rng)
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    pitch = np.float32(rng.uniform(0.3, 1.6))
    bend = np.float32(rng.choice([0.0, 1.0])) * np.abs(x % 16 - 8)
    weave = 0.25 * (np.sin(x * pitch) + np.sin((y + bend) * pitch)) + 0.5
    amount = (weave * 0.6 + noise(rng, size, 60) * 0.4).astype(np.float32)
    return blend(amount, shade(color, rng.uniform(0.4, 0.85)), color)


def checks(rng: Rng, size: int) -> U8:
    """Draw squares, tartan or tiles in two or three colours."""
    color, count = random_color(rng), int(rng.integers(2, 14))
    position = np.arange(size) * count // size
    rows, columns = position[:, None] % 2, position[None] % 2
    kinds = (rows ^ columns, (rows + columns) / 2.0, rows + 0 * columns)
    amount = np.asarray(kinds[rng.choice(3, p=[0.4, 0.4, 0.2])], np.float32)
    return blend(amount, color, random_color(rng))


def tiles(rng: Rng, size: int) -> U8:
    """Draw tiles with joints."""
    count, color = int(rng.integers(2, 9)), random_color(rng)
    image = blend(noise(rng, size, 5), color, shade(color, rng.uniform(0.75, 1.0)))
    joint = random_color(rng)
    for edge in np.linspace(0, size, count + 1).astype(int):
        width = int(rng.integers(1, 3))
        image[edge : edge + width] = image[:, edge : edge + width] = joint
    return image


def dots(rng: Rng, size: int) -> U8:
    """Draw dots, flowers or stars on a plain ground, as on a tablecloth."""
    image, count = plain(rng, size), int(rng.integers(3, 9))
    inks = [random_color(rng) for _ in range(3)]
    corners = int(rng.choice([3, 4, 5, 16]))
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    reach = size / count * rng.uniform(0.15, 0.45)
    shape = np.stack([np.cos(angles), np.sin(angles)], 1) * reach
    for k, place in enumerate(np.ndindex(count, count)):
        middle = (np.array(place) + 0.5 + 0.25 * (k % 2)) * size / count
        cv2.fillPoly(image, [(middle + shape).astype(np.int32)], inks[k % 3], cv2.LINE_AA)
    return image


def stripes(rng: Rng, size: int) -> U8:
    """Draw stripes of several widths."""
    image, place = plain(rng, size), 0
    inks = [random_color(rng) for _ in range(int(rng.integers(1, 4)))]
    unit = size / rng.uniform(4, 30)
    while place < size:
        width = max(1, int(unit * rng.uniform(0.4, 1.6)))
        image[place : place + width] = inks[int(rng.integers(len(inks)))]
        place += width + max(1, int(unit * rng.uniform(0.4, 2.0)))
    return image if rng.random() < 0.5 else np.ascontiguousarray(image.transpose(1, 0, 2))


def metal(rng: Rng, size: int) -> U8:
    """Draw metal, brushed or polished; light and dark bands stand for the room that it mirrors."""
    tone = rng.uniform(110, 235)
    tint = 1.0 + rng.choice([0.0, 0.0, 1.0]) * np.array([0.05, -0.08, -0.35])
    bands = noise(rng, size, 2, rng.uniform(0.1, 0.4), 2)
    brush = noise(rng, size, 60, 20, 2)
    amount = bands * rng.uniform(0.4, 1.0) + brush * rng.uniform(0.0, 0.3)
    values = tone * (0.5 + 0.75 * amount[..., None]) * tint
    image: U8 = np.clip(values, 0, 255).astype(np.uint8)
    return image


def fade(rng: Rng, size: int) -> U8:
    """Draw a gradient between two colours, as of plastic lit from one side."""
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    amount = np.broadcast_to(ramp[:, None] if rng.random() < 0.5 else ramp, (size, size))
    return blend(amount, random_color(rng), random_color(rng))


TEXTURES: Mapping[str, Texture] = {
    'plain': plain,
    'worn': worn,
    'wood': wood,
    'marble': marble,
    'speckle': speckle,
    'cloth': cloth,
    'checks': checks,
    'tiles': tiles,
    'dots': dots,
    'stripes': stripes,
    'metal': metal,
    'fade': fade,
}


def pick(rng: Rng, weights: Mapping[str, float], size: int) -> U8:
    """Draw one of the named textures by weight."""
    names = list(weights)
    shares = np.array([weights[name] for name in names])
    return TEXTURES[names[weighted_index(rng, shares)]](rng, size)


def muted(rng: Rng, texture: U8) -> U8:
    """Take colour out of a texture, mostly: large surfaces are less loud than small ones."""
    if rng.random() < 0.25:
        return texture
    image = texture.astype(np.float32)
    grey = image.mean(axis=2, keepdims=True)
    kept = np.float32(rng.uniform(0.0, 0.6))
    paler: U8 = (grey + (image - grey) * kept).astype(np.uint8)
    return paler
