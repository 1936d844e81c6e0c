"""One random view of a labelled image, on the network's canvas.

Knows pixels; image and mask go through one homography, the mask by nearest neighbour so that ids
never blend, and what lies outside the image becomes `IGNORE`. Light and sensor are kornia's.
"""

from collections.abc import Callable

import cv2
from kornia import augmentation as kornia
import numpy as np
import torch
from torch import Tensor, nn

from ..core.frame import U8
from ..core.geometry import Size
from ..core.scores import F64, IGNORE
from .chance import Rng, log_uniform
from .plan import Augmentation


class RandomView:
    """Makes views of `size`; the seed of a view decides all that is random in it."""

    def __init__(self, plan: Augmentation, size: Size) -> None:
        self._plan, self._size = plan, size
        self._light = light_and_sensor(plan, size)

    def __call__(self, image: U8, mask: U8, seed: int) -> tuple[U8, U8]:
        """Return image (H, W, 3) and mask (H, W) of the view of any image and its mask."""
        rng = np.random.default_rng(seed)
        matrix = random_homography(self._plan, Size(*mask.shape), self._size, rng)
        wh, nearest = (self._size.width, self._size.height), cv2.INTER_NEAREST
        view = cv2.warpPerspective(image, matrix, wh, flags=cv2.INTER_LINEAR)
        label = cv2.warpPerspective(mask, matrix, wh, flags=nearest, borderValue=(float(IGNORE),))
        inside = cv2.warpPerspective(np.ones_like(mask), matrix, wh, flags=nearest)
        view = self._relit(view, int(rng.integers(2**63)))
        view[inside == 0] = 0  # as the letterbox leaves it
        return view, label

    def _relit(self, view: U8, seed: int) -> U8:
        """Change light and sensor; torch's own random state is left as it was."""
        planes = torch.from_numpy(view).permute(2, 0, 1)[None].float() / 255.0  # (1, 3, H, W)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            planes = self._light(planes)
        relit: U8 = (planes[0].permute(1, 2, 0).clamp(0, 1) * 255.0 + 0.5).byte().numpy()
        return np.ascontiguousarray(relit)


def random_homography(plan: Augmentation, source: Size, target: Size, rng: Rng) -> F64:
    """Letterbox to `target`, then vary aspect, zoom, place, turn, side and perspective; (3, 3)."""
    aspect = source.width / source.height * log_uniform(rng, *plan.aspect)
    height = min(target.height, target.width / aspect) * log_uniform(rng, *plan.zoom)
    placed = np.array([height * aspect, height])
    scale = placed / (source.width, source.height)
    if rng.random() < plan.flip:
        scale[0] *= -1.0
    angle = np.deg2rad(rng.uniform(-plan.rotation_deg, plan.rotation_deg))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag(scale)
    canvas = np.array([target.width, target.height])
    slack = canvas * (0.15, 0.08)  # cameras are mounted upright: the ground stays below
    reach = np.maximum(slack, np.abs(placed - canvas) * (0.5, 0.25))
    centre = canvas / 2 + rng.uniform(-reach, reach)
    affine = np.eye(3)
    affine[:2, :2] = linear
    affine[:2, 2] = centre - linear @ (np.array([source.width, source.height]) / 2)
    return affine @ _moved_corners(source, plan.perspective, rng)


def _moved_corners(source: Size, most: float, rng: Rng) -> F64:
    """Return the homography that moves each corner by up to `most` of width and height."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * source[::-1]
    moves = rng.uniform(-most, most, (4, 2)) * source[::-1]
    matrix: F64 = cv2.getPerspectiveTransform(
        corners.astype(np.float32), (corners + moves).astype(np.float32)
    )
    return matrix


def light_and_sensor(plan: Augmentation, size: Size) -> nn.Module:
    """Return what changes a picture (1, 3, *size) in 0 to 1 without moving anything in it."""
    s, kernel = plan.light, min(9, min(size) | 1)
    heights = (max(1, size.height // 64), max(2, size.height // 16))
    drops = tuple(max(1, count * size.height * size.width // 2**17) for count in (200, 800))
    steps = [
        kornia.RandomGamma((0.6, 1.7), (1.0, 1.0), p=0.3 * min(s, 1.0)),
        kornia.ColorJitter(
            brightness=_around_one(0.35 * s),
            contrast=_around_one(0.35 * s),
            saturation=_around_one(0.8 * s),
            hue=0.03 * s,
            p=0.9,
        ),
        ChannelGains(0.1 * s),
        kornia.RandomPlasmaShadow(shade_intensity=(-0.6, -0.1), p=0.6 * plan.shadow),
        kornia.RandomLinearIllumination(gain=(0.05, 0.35), p=0.4 * plan.shadow),
        Sometimes(night, p=plan.night),
        kornia.RandomRain(
            number_of_drops=drops, drop_height=heights, drop_width=(-3, 3), p=plan.rain
        ),
        kornia.RandomGaussianBlur((kernel, kernel), (0.3, 1.8), p=0.7 * plan.blur),
        kornia.RandomMotionBlur((3, 9), 180.0, 1.0, p=0.3 * plan.blur),
        Sometimes(grain, p=plan.noise),
        kornia.RandomJPEG((20.0, 90.0), p=plan.jpeg),
    ]
    return nn.Sequential(*steps)


def _around_one(spread: float) -> tuple[float, float]:
    return max(0.0, 1.0 - spread), 1.0 + spread


class ChannelGains(nn.Module):
    """White balance gone wrong: each channel times a factor."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self._spread = spread

    def forward(self, planes: Tensor) -> Tensor:
        """Scale (N, 3, H, W)."""
        gains = torch.randn(len(planes), 3, 1, 1) * self._spread
        return (planes * gains.exp()).clamp(0, 1)


class Sometimes(nn.Module):
    """Makes a change to a share of the pictures."""

    def __init__(self, change: Callable[[Tensor], Tensor], p: float) -> None:
        super().__init__()
        self._change, self._p = change, p

    def forward(self, planes: Tensor) -> Tensor:
        """Change (N, 3, H, W), or not."""
        return self._change(planes) if float(torch.rand(())) < self._p else planes


def night(planes: Tensor) -> Tensor:
    """Take light away from (N, 3, H, W): dark, a yellow or blue cast, noise that shows."""
    level, cast = 0.08 + 0.3 * torch.rand(()), 0.25 * (2.0 * torch.rand(()) - 1.0)
    gains = level * torch.stack([1.0 + cast, torch.ones(()), 1.0 - cast]).view(1, 3, 1, 1)
    noise = torch.randn_like(planes) * (0.01 + 0.03 * torch.rand(()))
    return (planes**1.3 * gains + noise).clamp(0, 1)


def grain(planes: Tensor) -> Tensor:
    """Add noise to (N, 3, H, W); kornia's has one strength for all pictures."""
    strength = 0.005 + 0.045 * torch.rand(())
    return (planes + torch.randn_like(planes) * strength).clamp(0, 1)
