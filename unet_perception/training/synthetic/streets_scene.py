"""One picture of a street: place, light, camera, all that lies and stands, then the air and lens.

Knows the order of things; not how they look.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ...core.frame import U8
from ...core.geometry import Size
from ..chance import Rng
from .sensor import exposed
from .streets_buildings import build_sides, span_bridge
from .streets_camera import F32, random_camera
from .streets_canvas import BACKGROUND, Canvas, filled, lit
from .streets_ground import Ground, Shade, Site, paint_ground
from .streets_layout import random_layout
from .streets_light import Light, random_light
from .streets_sky import paint_horizon, paint_sky
from .streets_stage import Stage
from .streets_style import SHARES, STYLES, TOWNS, Style, pick, random_zones, some_surface
from .streets_surfaces import ROADS, road_color
from .streets_things import furnish
from .streets_vehicles import random_paint
from .streets_wear import random_wear

FINER = 1.5  # drawn so much finer than asked for, against jagged edges
_BONNET, _BRIDGE = 0.15, 0.05  # chances
_TRIES, _LEAST = 8, 0.02  # of another picture, where less than this share is road


class Picture(NamedTuple):
    """A picture (H, W, 3) RGB and its class ids (H, W): 0 background, 1 road."""

    image: U8
    mask: U8


def picture_from_seed(size: Size, seed: int, scene: int) -> Picture:
    """Draw a street; these arguments decide every byte.

    A street of whose road hardly anything is seen is drawn again.
    """
    for attempt in range(_TRIES):
        picture = _picture(size, np.random.default_rng((seed, scene, attempt)))
        if picture.mask.mean() >= _LEAST:
            break
    return picture


def _picture(size: Size, rng: Rng) -> Picture:
    name = pick(SHARES, rng)
    style, light = STYLES[name], random_light(rng)
    canvas = Canvas(
        random_camera(Size(round(size.height * FINER), round(size.width * FINER)), rng)
    )
    site = random_site(style, rng)
    paint_sky(canvas, light, rng)
    paint_horizon(canvas, light, name in TOWNS, rng)
    ground = paint_ground(canvas, site)
    _light_ground(canvas, ground, light, rng)
    _put_up(canvas, site, style, light, rng)
    if rng.random() < _BONNET:
        _show_bonnet(canvas, rng)
    return _taken(canvas, size, light, rng)


def random_site(style: Style, rng: Rng) -> Site:
    """Draw a road and what lies beside it."""
    layout = random_layout(style.lanes, style.junctions, rng)
    color = road_color(rng)
    left = random_zones(style, color, rng)
    right = random_zones(style, color, rng) if rng.random() < 0.4 else left
    surface = some_surface(ROADS, color, rng)
    turn = rng.uniform(0, np.pi)
    return Site(layout, surface, random_wear(layout.width, rng), left, right, turn)


def _put_up(canvas: Canvas, site: Site, style: Style, light: Light, rng: Rng) -> None:
    """Put up what stands, then let its shadows fall on the ground that is still seen."""
    ground = canvas.nearness.copy()
    shade = Shade(canvas, site.layout, light)
    stage = Stage(canvas, shade, site, light)
    build_sides(stage, style, rng)
    if rng.random() < _BRIDGE:
        span_bridge(stage, rng)
    furnish(stage, style, rng)
    shade.apply(canvas.color, (canvas.nearness == ground) & (ground > 0))


def _light_ground(canvas: Canvas, ground: Ground | None, light: Light, rng: Rng) -> None:
    """Light the ground by sun and sky, at night by lamps."""
    if ground is None:
        return
    part, gain = canvas.color[ground.top :], light.on(np.array([0.0, 1.0, 0.0]))
    bright = lit(part, gain)
    if light.is_night:
        level = np.array(gain, np.float32) + _lamps(ground, rng)[..., None]
        bright = np.clip(part * level, 0, 255).astype(np.uint8)
    cv2.copyTo(bright, ground.is_met.view(np.uint8), part)


def _lamps(ground: Ground, rng: Rng) -> F32:
    """Return the light of headlamps and street lamps on the ground, (rows, W)."""
    reach, wide = rng.uniform(10, 35), rng.uniform(0.25, 0.6)
    beam = np.exp(-((ground.right / (2 + wide * ground.ahead)) ** 2))
    beam *= np.float32(rng.uniform(0.1, 0.55)) / (1 + (ground.ahead / np.float32(reach)) ** 2)
    pitch, side = rng.uniform(15, 40), rng.uniform(-6, 6)
    along = (ground.ahead + rng.uniform(0, pitch)) % pitch - pitch / 2
    pools = np.exp(-(along**2 + (ground.right - side) ** 2) / np.float32(rng.uniform(20, 120)))
    lamps: F32 = (beam + pools * np.float32(rng.uniform(0, 0.35))).astype(np.float32)
    return lamps


def _show_bonnet(canvas: Canvas, rng: Rng) -> None:
    """Show the own car's bonnet at the bottom: background."""
    height, width = canvas.camera.size
    rise, bulge = rng.uniform(0.03, 0.16) * height, rng.uniform(0.0, 0.08) * height
    x = np.linspace(-0.1, 1.1, 40)
    y = height - rise - bulge * (1 - (2 * x - rng.uniform(0.8, 1.2)) ** 2)
    outline = np.stack([x * width, y], 1)
    ends = np.array([[1.1 * width, 2.0 * height], [-0.1 * width, 2.0 * height]])
    top = int(y.min())
    shape = (height - top, width)
    is_bonnet = filled(np.concatenate([outline, ends]) - (0, top), shape) > 0
    paint = np.array(random_paint(rng)) * rng.uniform(0.2, 0.7)
    gloss = cv2.resize(canvas.color[: height // 2], shape[::-1])[::-1]
    mixed = paint + rng.uniform(0.1, 0.6) * (gloss - paint)
    canvas.color[top:][is_bonnet] = mixed[is_bonnet].clip(0, 255).astype(np.uint8)
    canvas.nearness[top:][is_bonnet], canvas.labels[top:][is_bonnet] = 1.0, BACKGROUND


def _taken(canvas: Canvas, size: Size, light: Light, rng: Rng) -> Picture:
    """Shrink to the size asked for, and let air, lens and sensor do their part."""
    color, nearness, labels = (
        cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA)
        for plane in (canvas.color, canvas.nearness, canvas.labels * 255)
    )
    image = _in_air(color, nearness, light)
    level = np.ones(size, np.float32)  # no gaps between things on a table, which are darker
    return Picture(exposed(image, level, rng), (labels > 127).astype(np.uint8))


def _in_air(color: U8, nearness: F32, light: Light) -> U8:
    """Let what is far take the colour of the air (Koschmieder 1924)."""
    depth = np.float32(1 / light.sight_m) / np.maximum(nearness, np.float32(1e-4))
    haze = (1 - np.exp(-depth)) * (nearness > 0)
    near, air = color.astype(np.float32), np.array(light.horizon, np.float32)
    hazy: U8 = (near + haze[..., None] * (air - near)).astype(np.uint8)
    return hazy
