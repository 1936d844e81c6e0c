"""What time and weather do: where the sun is, how bright sun and sky are, how far one sees.

Knows light as factors on colours; not what is lit.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...core.scores import F64
from ..chance import Rng, log_uniform, weighted_index
from .colors import rgb, temperature
from .streets_canvas import Gain


class Light(NamedTuple):
    """Sun, sky and air; colours as bytes are those of the sky."""

    to_sun: F64  # (3,), of length 1: right, up, ahead
    sun: Gain  # what it adds to a surface that faces it
    sky: Gain  # what all surfaces get
    zenith: Gain  # 0 to 255
    horizon: Gain
    clouds: float  # share of the sky that they cover
    sight_m: float  # at this distance, 63 % of the light is the air's
    is_night: bool = False

    @property
    def has_sun(self) -> bool:
        """Whether there are shadows."""
        return sum(self.sun) > 0.15

    def on(self, normal: F64) -> Gain:
        """Return the light on a surface, by its normal (right, up, ahead)."""
        facing = max(0.0, float(normal @ self.to_sun))
        open_sky = 0.8 + 0.2 * float(normal[1])
        red, green, blue = (
            above * open_sky + sun * facing for above, sun in zip(self.sky, self.sun, strict=True)
        )
        return red, green, blue

    @property
    def shadow(self) -> Gain:
        """What is left of the light on level ground where the sun does not reach it."""
        ground = self.on(np.array([0.0, 1.0, 0.0]))
        red, green, blue = (above / all_ for above, all_ in zip(self.sky, ground, strict=True))
        return red, green, blue


def random_light(rng: Rng) -> Light:
    """Draw time and weather."""
    kinds = list(KINDS)
    return kinds[weighted_index(rng, list(KINDS.values()))](rng)


def _to_sun(rng: Rng, low: float, high: float) -> F64:
    """Draw the direction of a sun between two heights in degrees."""
    up, around = np.deg2rad(rng.uniform(low, high)), rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(up) * np.cos(around), np.sin(up), np.cos(up) * np.sin(around)])


def _times(gain: Gain, factor: float) -> Gain:
    return gain[0] * factor, gain[1] * factor, gain[2] * factor


def _between(first: Gain, second: Gain, share: float) -> Gain:
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def _sunny(rng: Rng) -> Light:
    """Draw a blue sky of any hue, with a few clouds or none."""
    zenith = rgb(rng.uniform(0.52, 0.64), rng.uniform(0.25, 0.85), rng.uniform(0.5, 1.0))
    pale = rgb(rng.uniform(0.5, 0.62), rng.uniform(0.02, 0.4), rng.uniform(0.8, 1.0))
    sky = _times(temperature(rng.uniform(6500, 9000)), rng.uniform(0.3, 0.65))
    sun = _times(temperature(rng.uniform(4200, 6200)), rng.uniform(0.45, 0.95))
    horizon = _between(zenith, pale, rng.uniform(0.0, 1.0))
    clouds = rng.uniform(0, 0.6) if rng.random() < 0.6 else 0.0
    sight = log_uniform(rng, 300, 4000)
    return Light(_to_sun(rng, 15, 70), sun, sky, zenith, horizon, clouds, sight)


def _overcast(rng: Rng) -> Light:
    """Draw white or grey above, no shadows; mist at times."""
    tone = rng.uniform(0.55, 1.0)
    above = rgb(rng.uniform(0.5, 0.7), rng.uniform(0, 0.12), tone)
    below = rgb(rng.uniform(0.5, 0.7), rng.uniform(0, 0.1), min(1.0, tone * rng.uniform(0.9, 1.2)))
    sky = _times(temperature(rng.uniform(5800, 7500)), rng.uniform(0.65, 1.1))
    sight = log_uniform(rng, 60, 300) if rng.random() < 0.25 else log_uniform(rng, 300, 3000)
    clouds = float(rng.choice([0.0, 0.95]))
    return Light(_to_sun(rng, 30, 80), (0.0, 0.0, 0.0), sky, above, below, clouds, sight)


def _low_sun(rng: Rng) -> Light:
    """Draw a morning or evening: warm below, blue above, long shadows."""
    zenith = rgb(rng.uniform(0.53, 0.64), rng.uniform(0.15, 0.55), rng.uniform(0.4, 0.8))
    horizon = rgb(rng.uniform(0.02, 0.13), rng.uniform(0.2, 0.75), rng.uniform(0.8, 1.0))
    sky = _times(temperature(rng.uniform(5500, 8500)), rng.uniform(0.35, 0.6))
    sun = _times(temperature(rng.uniform(2700, 4200)), rng.uniform(0.3, 0.7))
    clouds = rng.uniform(0, 0.9)
    return Light(
        _to_sun(rng, 6, 18), sun, sky, zenith, horizon, clouds, log_uniform(rng, 250, 3000)
    )


def _dusk(rng: Rng) -> Light:
    """Draw what follows a sunset: dim and blue or purple."""
    zenith = rgb(rng.uniform(0.56, 0.7), rng.uniform(0.15, 0.6), rng.uniform(0.2, 0.45))
    horizon = rgb(rng.uniform(0.95, 1.12), rng.uniform(0.05, 0.45), rng.uniform(0.4, 0.75))
    sky = _times(temperature(rng.uniform(6500, 9000)), rng.uniform(0.25, 0.45))
    dark = (0.0, 0.0, 0.0)
    sight = log_uniform(rng, 300, 2000)
    return Light(_to_sun(rng, 30, 60), dark, sky, zenith, horizon, rng.uniform(0, 0.8), sight)


def _night(rng: Rng) -> Light:
    """Leave lamps and windows alone."""
    zenith = rgb(rng.uniform(0.55, 0.75), rng.uniform(0.0, 0.6), rng.uniform(0.01, 0.09))
    glow = rgb(rng.uniform(0.03, 0.7), rng.uniform(0.1, 0.5), rng.uniform(0.03, 0.2))
    sky = _times(temperature(rng.uniform(2700, 6500)), rng.uniform(0.1, 0.22))
    dark, sight = (0.0, 0.0, 0.0), log_uniform(rng, 200, 1000)
    return Light(_to_sun(rng, 30, 60), dark, sky, zenith, glow, 0.0, sight, is_night=True)


KINDS: dict[Callable[[Rng], Light], float] = {
    _sunny: 0.48,
    _overcast: 0.28,
    _low_sun: 0.11,
    _dusk: 0.06,
    _night: 0.07,
}
