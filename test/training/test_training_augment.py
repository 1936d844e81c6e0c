"""Random views: image and mask move together, ids stay ids, seeds decide everything."""

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('kornia', reason="kornia is not installed: pip install '.[train]'")

import torch

from unet_perception.core.frame import U8
from unet_perception.core.geometry import Size, letterboxed
from unet_perception.core.scores import IGNORE
from unet_perception.training.augment import RandomView
from unet_perception.training.plan import Augmentation

torch.set_num_threads(1)
SIZE = Size(96, 160)
SHARES = ('shadow', 'blur', 'noise', 'jpeg', 'rain', 'night')
STILL = Augmentation(
    flip=0.0, zoom=(1.0, 1.0), aspect=(1.0, 1.0), rotation_deg=0.0, perspective=0.0,
    light=0.0, **dict.fromkeys(SHARES, 0.0),
)  # fmt: skip
MOVES = {
    'flip': 1.0,
    'zoom': (0.6, 1.8),
    'aspect': (0.6, 1.6),
    'rotation_deg': 40.0,
    'perspective': 0.15,
}
LOOKS = {'light': 1.0, **dict.fromkeys(SHARES, 1.0)}


def disc() -> tuple[U8, U8]:
    """Return a bright disc on a dark ground, off the centre, and its mask."""
    mask = cv2.circle(np.zeros((120, 180), np.uint8), (80, 70), 34, (1,), -1)
    image = np.where(mask, np.uint8(210), np.uint8(40))
    return np.repeat(image[..., None], 3, 2), mask


def iou_of_view(view: RandomView, seed: int) -> float:
    """Compare the mask's view with the bright part of the image's view."""
    image, label = view(*disc(), seed)
    grey, inside, outside = image.mean(2), label == 1, label == 0
    bright = grey > (grey[inside].mean() + grey[outside].mean()) / 2
    union = ((bright & (label != IGNORE)) | inside).sum()
    return float((bright & inside).sum() / union)


def test_every_value_of_the_plan_is_a_move_or_a_look() -> None:
    assert {*MOVES, *LOOKS} == {each.name for each in fields(Augmentation)}


@pytest.mark.parametrize('name', MOVES)
def test_the_mask_moves_exactly_with_the_image_in_each_transform(name: str) -> None:
    view = RandomView(replace(STILL, **{name: MOVES[name]}), SIZE)
    assert min(iou_of_view(view, seed) for seed in range(30)) > 0.94


def test_the_mask_moves_exactly_with_the_image_in_all_transforms_together() -> None:
    view = RandomView(replace(STILL, **MOVES), SIZE)
    assert min(iou_of_view(view, seed) for seed in range(60)) > 0.94


@pytest.mark.parametrize('name', LOOKS)
def test_light_and_sensor_leave_everything_where_it_is(name: str) -> None:
    view = RandomView(replace(STILL, **{name: LOOKS[name]}), SIZE)
    still = RandomView(STILL, SIZE)
    ious = []
    for seed in range(20):
        assert np.array_equal(view(*disc(), seed)[1], still(*disc(), seed)[1]), 'a label changed'
        ious.append(iou_of_view(view, seed))
    assert np.median(ious) > (0.85 if name == 'rain' else 0.9), 'drops hide what is behind them'


@pytest.mark.parametrize('name', [*MOVES, *LOOKS])
def test_each_value_has_an_effect_of_its_own(name: str) -> None:
    changed = RandomView(replace(STILL, **{name: {**MOVES, **LOOKS}[name]}), SIZE)
    image, mask = disc()
    plain = RandomView(STILL, SIZE)(image, mask, 3)[0]
    views = [changed(image, mask, seed)[0] for seed in range(4)]
    assert any(not np.array_equal(view, plain) for view in views)


def test_without_any_change_a_view_has_the_scale_of_the_runtime_s_letterbox() -> None:
    image, mask = disc()
    canvas, _ = letterboxed(np.repeat(mask[..., None], 3, 2), SIZE)
    areas = [(RandomView(STILL, SIZE)(image, mask, seed)[1] == 1).sum() for seed in range(5)]
    assert areas == pytest.approx([(canvas[..., 0] == 1).sum()] * 5, rel=0.02)


@pytest.mark.parametrize('source', [(120, 180), (240, 100), (30, 40)])
@pytest.mark.parametrize('size', [SIZE, Size(8, 16), Size(4, 4)])
def test_a_view_has_the_size_of_the_network(source: tuple[int, int], size: Size) -> None:
    image, mask = np.zeros((*source, 3), np.uint8), np.zeros(source, np.uint8)
    view, label = RandomView(Augmentation(**{**MOVES, **LOOKS}), size)(image, mask, 0)
    assert (view.shape, view.dtype) == ((*size, 3), np.uint8)
    assert (label.shape, label.dtype) == (size, np.uint8)


def test_ids_never_blend() -> None:
    mask = np.random.default_rng(0).choice(np.array([0, 3, 7], np.uint8), (60, 90))
    image = np.zeros((60, 90, 3), np.uint8)
    view = RandomView(replace(STILL, **MOVES), SIZE)
    for seed in range(50):
        assert set(np.unique(view(image, mask, seed)[1])) <= {0, 3, 7, IGNORE}


def test_what_lies_outside_the_image_is_black_and_not_labelled() -> None:
    white, zeros = np.full((60, 90, 3), 255, np.uint8), np.zeros((60, 90), np.uint8)
    moves = RandomView(replace(STILL, **MOVES), SIZE)
    margins = 0
    for seed in range(50):
        view, label = moves(white, zeros, seed)
        assert (label[view[..., 0] == 0] == IGNORE).all()
        assert (label[view[..., 0] == 255] == 0).all()
        margins += (label == IGNORE).any()
    assert margins > 10
    dark, label = RandomView(Augmentation(**{**MOVES, **LOOKS}), SIZE)(white, zeros, 1)
    assert not dark[label == IGNORE].any()


def test_unlabelled_pixels_stay_unlabelled() -> None:
    image, mask = np.zeros((60, 90, 3), np.uint8), np.full((60, 90), IGNORE, np.uint8)
    assert (RandomView(Augmentation(), SIZE)(image, mask, 0)[1] == IGNORE).all()


@pytest.mark.parametrize('seed', range(10))
def test_the_seed_alone_decides(seed: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 180, 3), np.uint8)
    mask = disc()[1]
    view = RandomView(Augmentation(**{**MOVES, **LOOKS}), SIZE)
    first = view(noise, mask, seed)
    torch.manual_seed(seed)
    state = torch.random.get_rng_state()
    again, other = view(noise, mask, seed), view(noise, mask, seed + 100)
    assert torch.equal(torch.random.get_rng_state(), state), 'training has its own random numbers'
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_views_are_mirrored_half_of_the_time() -> None:
    left = np.zeros((60, 90, 3), np.uint8)
    left[:, :45] = 255
    view = RandomView(replace(STILL, flip=0.5), SIZE)
    views = [view(left, np.zeros((60, 90), np.uint8), seed)[0] for seed in range(60)]
    unmirrored = sum(int(v[:, :80].mean() > v[:, 80:].mean()) for v in views)
    assert 15 < unmirrored < 45
