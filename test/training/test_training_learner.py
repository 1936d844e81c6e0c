"""One step at a time: rates, class weights, the average, and what goes astray."""

import math

import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

import torch
from torch import Tensor

from unet_perception.core.geometry import Size
from unet_perception.core.scores import IGNORE
from unet_perception.errors import RequestError
from unet_perception.training.family import UNetConfig
from unet_perception.training.learner import Learner, class_weights, follow, learning_rate
from unet_perception.training.plan import TrainingPlan
from unet_perception.training.unet import UNet
from unet_perception.training.validation import MEAN, STD, normalised

torch.set_num_threads(1)
PLAN = TrainingPlan(UNetConfig(2, widths=(8, 16, 24)), Size(32, 64), batch=2)
COUNTS = np.array([900, 100] + [0] * 254)


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 100, (2, 32, 64, 3), dtype=torch.uint8, generator=generator)
    images[:, :, 32:] += 100
    labels = torch.zeros(2, 32, 64, dtype=torch.uint8)
    labels[:, :, 32:] = 1
    return images, labels


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine() -> None:
    rates = [learning_rate(PLAN, step, 100) / PLAN.learning_rate for step in range(100)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    expected = [0.5 * (1 + math.cos(math.pi * k / 90)) for k in range(90)]
    assert rates[10:] == pytest.approx(expected)
    assert rates[-1] < 0.001


@pytest.mark.parametrize('steps', [1, 2, 3, 10])
@pytest.mark.parametrize('warm_up', [0.0, 0.1, 1.0])
def test_any_number_of_steps_has_rates(steps: int, warm_up: float) -> None:
    plan = TrainingPlan(PLAN.unet, PLAN.size, warm_up=warm_up)
    rates = [learning_rate(plan, step, steps) for step in range(steps)]
    assert all(0 < rate <= plan.learning_rate * (1 + 1e-9) for rate in rates)


def test_balanced_class_weights_grow_as_a_class_gets_rarer() -> None:
    balanced = TrainingPlan(PLAN.unet, PLAN.size, class_weights='balanced')
    weights = class_weights(balanced, COUNTS)
    assert float(weights[1] / weights[0]) == pytest.approx(3.0)
    assert float(0.9 * weights[0] + 0.1 * weights[1]) == pytest.approx(1.0)
    assert class_weights(PLAN, COUNTS).tolist() == [1.0, 1.0]


def test_the_average_follows_the_network() -> None:
    average, network = UNet(PLAN.unet), UNet(PLAN.unet)
    network(torch.randn(2, 3, 64, 128))
    before = {name: value.clone() for name, value in average.state_dict().items()}
    follow(average, network, 0.75)
    for name, theirs in network.state_dict().items():
        counts = not theirs.dtype.is_floating_point
        expected = theirs if counts else 0.75 * before[name] + 0.25 * theirs
        torch.testing.assert_close(average.state_dict()[name], expected)


def test_it_learns_a_batch() -> None:
    learner = Learner(PLAN, COUNTS)
    losses = [learner.step(*batch(), 0.01, number) for number in range(1, 41)]
    assert losses[-1] < 0.3 * losses[0]


def test_a_learner_goes_on_from_its_tensors_bit_by_bit() -> None:
    one, other = Learner(PLAN, COUNTS), Learner(PLAN, COUNTS)
    for number in range(1, 4):
        one.step(*batch(number), 0.01, number)
    other.take_up({name: value.clone() for name, value in one.tensors().items()})
    for learner in (one, other):
        learner.step(*batch(9), 0.01, 4)
    for name, value in one.tensors().items():
        assert torch.equal(other.tensors()[name], value), name


def test_a_batch_without_labels_changes_nothing() -> None:
    learner = Learner(PLAN, COUNTS)
    before = {name: value.clone() for name, value in learner.tensors().items()}
    images, labels = batch()
    assert learner.step(images, torch.full_like(labels, IGNORE), 0.01, 1) is None
    assert all(torch.equal(value, before[name]) for name, value in learner.tensors().items())


def test_training_that_goes_astray_is_stopped_with_a_cure() -> None:
    learner = Learner(PLAN, COUNTS)
    with pytest.raises(RequestError, match=r'loss is nan at step .* half the learning_rate'):
        [learner.step(*batch(), math.inf, number) for number in range(1, 9)]


def test_normalisation_is_that_of_every_channel() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), np.uint8)
    expected = ((images - np.array(MEAN)) / np.array(STD)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(normalised(torch.from_numpy(images)), expected, rtol=1e-5)
