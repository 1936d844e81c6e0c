"""Losses against libraries and by hand; what is not labelled counts nothing."""

import math

import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('kornia', reason="kornia is not installed: pip install '.[train]'")

from kornia import losses as kornia
import torch
from torch import Tensor
from torch.nn import functional

from unet_perception.core.scores import IGNORE
from unet_perception.training.losses import (
    FALSE_ALARM,
    GAMMA,
    LOSSES,
    MISS,
    cross_entropy,
    dice,
    focal,
    loss_of_batch,
    tversky,
)
from unet_perception.training.plan import LossWeights

torch.set_num_threads(1)
SEEDS = range(8)
EVEN = torch.ones(3)


def case(seed: int, batch: int = 1, ignored: float = 0.3) -> tuple[Tensor, Tensor]:
    """Return random logits (N, 3, 9, 11) and labels, some of them `IGNORE`."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(batch, 3, 9, 11, generator=generator)
    labels = torch.randint(0, 3, (batch, 9, 11), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) < ignored] = IGNORE
    return logits, labels


@pytest.mark.parametrize('seed', SEEDS)
def test_cross_entropy_is_torch_s_with_class_weights(seed: int) -> None:
    logits, labels = case(seed, 4)
    weights = torch.rand(3, generator=torch.Generator().manual_seed(seed)) + 0.1
    expected = functional.cross_entropy(logits, labels, weights, ignore_index=IGNORE)
    torch.testing.assert_close(cross_entropy(logits, labels, weights), expected)


@pytest.mark.parametrize('seed', SEEDS)
def test_focal_is_kornia_s(seed: int) -> None:
    logits, labels = case(seed, 4)
    each = kornia.focal_loss(logits, labels, None, GAMMA, 'none', ignore_index=IGNORE)
    expected = each.sum() / (labels != IGNORE).sum()
    torch.testing.assert_close(focal(logits, labels, EVEN), expected)


@pytest.mark.parametrize('seed', SEEDS)
def test_dice_is_kornia_s_for_one_image(seed: int) -> None:
    logits, labels = case(seed)
    expected = kornia.dice_loss(logits, labels, 'macro', ignore_index=IGNORE)
    torch.testing.assert_close(dice(logits, labels, EVEN), expected)


@pytest.mark.parametrize('seed', SEEDS)
def test_tversky_is_kornia_s_for_one_image(seed: int) -> None:
    logits, labels = case(seed)
    expected = kornia.tversky_loss(logits, labels, FALSE_ALARM, MISS, ignore_index=IGNORE)
    torch.testing.assert_close(tversky(logits, labels, EVEN), expected)


@pytest.mark.parametrize('seed', SEEDS)
def test_dice_is_monai_s_for_a_batch_that_is_labelled_whole(seed: int) -> None:
    monai = pytest.importorskip('monai.losses', reason='monai is not installed')
    logits, labels = case(seed, 4, ignored=0.0)
    loss = monai.DiceLoss(to_onehot_y=True, softmax=True, batch=True, smooth_nr=0, smooth_dr=0)
    torch.testing.assert_close(dice(logits, labels, EVEN), loss(logits, labels[:, None]))


@pytest.mark.parametrize('seed', SEEDS)
def test_overlap_is_counted_over_the_batch(seed: int) -> None:
    logits, labels = case(seed, 4)
    tall = logits.transpose(0, 1).flatten(1, 2)[None]  # (1, 3, 4 * 9, 11)
    torch.testing.assert_close(
        dice(logits, labels, EVEN), dice(tall, labels.flatten(0, 1)[None], EVEN)
    )


@pytest.mark.parametrize('name', LOSSES)
def test_what_is_not_labelled_has_no_gradient_and_no_effect(name: str) -> None:
    logits, labels = case(0, 2)
    logits.requires_grad_()
    loss = LOSSES[name](logits, labels, EVEN)
    loss.backward()
    unlabelled = (labels == IGNORE)[:, None].expand_as(logits)
    assert not logits.grad[unlabelled].any()
    assert logits.grad[~unlabelled].any()
    other = torch.where(unlabelled, 9.0 * torch.randn_like(logits), logits)
    torch.testing.assert_close(LOSSES[name](other, labels, EVEN), loss)


@pytest.mark.parametrize('name', LOSSES)
def test_a_batch_without_labels_costs_nothing(name: str) -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = LOSSES[name](logits, torch.full((2, 4, 4), IGNORE), EVEN)
    loss.backward()
    assert loss.item() == 0.0
    assert bool(logits.grad.isfinite().all())


@pytest.mark.parametrize('name', LOSSES)
def test_certainty_that_is_right_costs_nothing_and_one_that_is_wrong_much(name: str) -> None:
    labels = case(1, 2)[1]
    right = functional.one_hot(labels.where(labels != IGNORE, 0), 3).permute(0, 3, 1, 2)
    assert float(LOSSES[name](40.0 * right, labels, EVEN)) < 1e-4
    assert float(LOSSES[name](-40.0 * right, labels, EVEN)) > 0.9


def test_tversky_counts_a_miss_more_than_a_false_alarm() -> None:
    labels = torch.tensor([[[0, 0, 0, 0, 0, 0, 1, 1, 1, 1]]])
    found = torch.tensor([[[0, 0, 0, 0, 0, 0, 0, 0, 1, 1]]])
    loss = tversky(40.0 * functional.one_hot(found, 2).permute(0, 3, 1, 2), labels, torch.ones(2))
    missed, alarmed = 1 - 2 / (2 + 0.7 * 2), 1 - 6 / (6 + 0.3 * 2)
    assert float(loss) == pytest.approx((missed + alarmed) / 2, abs=1e-4)


def test_the_loss_is_the_sum_of_those_in_use() -> None:
    logits, labels = case(2, 2)
    weights = LossWeights(cross_entropy=0.5, dice=2.0)
    expected = 0.5 * cross_entropy(logits, labels, EVEN) + 2.0 * dice(logits, labels, EVEN)
    torch.testing.assert_close(loss_of_batch(logits, labels, weights, EVEN), expected)
    assert not math.isclose(float(expected), float(cross_entropy(logits, labels, EVEN)))
