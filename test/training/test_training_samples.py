"""What an epoch shows: seeds decide it, rare classes are drawn more often if asked for."""

import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('kornia', reason="kornia is not installed: pip install '.[train]'")

import torch
from toy import write_toy

from unet_perception.core.geometry import Size
from unet_perception.training.dataset import Pair, pairs_from_folder
from unet_perception.training.family import UNetConfig
from unet_perception.training.plan import TrainingPlan
from unet_perception.training.samples import (
    EpochSamples,
    batches_of,
    order_of_epoch,
    rare_class_weights,
)

torch.set_num_threads(1)
PLAN = TrainingPlan(UNetConfig(2, (8, 16, 24)), Size(64, 128), batch=4)
EVEN = np.ones(10)


@pytest.fixture(scope='module')
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    return pairs_from_folder(write_toy(tmp_path_factory.mktemp('data') / 'toy'))[:10]


def plan(seed: int) -> TrainingPlan:
    return TrainingPlan(PLAN.unet, PLAN.size, batch=4, seed=seed)


def shown(
    pairs: list[Pair], seed: int, epoch: int, start: int = 0, workers: int = 0
) -> list[bytes]:
    order = order_of_epoch(plan(seed), epoch, EVEN)
    samples = EpochSamples(pairs, plan(seed), epoch, order, start)
    batches = batches_of(samples, plan(seed), workers)
    return [b''.join(part.numpy().tobytes() for part in batch) for batch in batches]


def test_seed_and_epoch_decide_what_is_shown(pairs: list[Pair]) -> None:
    assert shown(pairs, 0, 0) == shown(pairs, 0, 0)
    assert len({*shown(pairs, 0, 0), *shown(pairs, 1, 0), *shown(pairs, 0, 1)}) == 6


def test_what_is_shown_does_not_depend_on_workers_or_on_torch_s_state(pairs: list[Pair]) -> None:
    torch.manual_seed(5)
    alone = shown(pairs, 0, 0)
    torch.manual_seed(6)
    assert shown(pairs, 0, 0, workers=2) == alone


def test_the_rest_of_an_epoch_is_as_it_would_have_been(pairs: list[Pair]) -> None:
    assert shown(pairs, 3, 2, start=4) == shown(pairs, 3, 2)[1:]


@pytest.mark.parametrize('count', [4, 5, 7, 8, 23])
def test_an_epoch_shows_each_image_at_most_once_in_whole_batches(count: int) -> None:
    order = order_of_epoch(PLAN, 0, np.ones(count)).tolist()
    assert len(order) == count // 4 * 4
    assert len(set(order)) == len(order)
    assert set(order) <= set(range(count))


def test_with_rare_sampling_each_class_leads_to_as_many_images() -> None:
    counts = [np.array([100, 0]), np.array([100, 0]), np.array([100, 0]), np.array([60, 40])]
    weights = rare_class_weights(counts, 2)
    assert weights / weights.sum() == pytest.approx([0.139, 0.139, 0.139, 0.583], abs=1e-3)
    rare = TrainingPlan(PLAN.unet, PLAN.size, batch=4, sampling='rare')
    drawn = np.concatenate([order_of_epoch(rare, epoch, weights) for epoch in range(500)])
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    assert shares == pytest.approx(weights / weights.sum(), abs=0.04)


def test_an_image_without_labels_is_drawn_hardly_ever() -> None:
    weights = rare_class_weights([np.array([0, 0]), np.array([5, 5])], 2)
    assert 0 < weights[0] < 1e-5 * weights[1]
