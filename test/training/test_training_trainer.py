"""Training on a toy set: it learns, repeats itself, and leaves a checkpoint each epoch."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

import torch
from toy import CLASSES, write_toy

from unet_perception.core.frame import U8, frame_from_pixels
from unet_perception.core.geometry import Resize, Size
from unet_perception.core.pipeline import SegmentationPipeline
from unet_perception.core.scores import Confusion
from unet_perception.engines.fake import FakeEngine
from unet_perception.errors import DataError, RequestError
from unet_perception.training import trainer
from unet_perception.training.checkpoint import (
    CONFIG,
    WEIGHTS,
    load_checkpoint,
    save_checkpoint,
)
from unet_perception.training.dataset import Pair, pairs_from_folder, read_pair, split_by_blocks
from unet_perception.training.family import UNetConfig
from unet_perception.training.plan import TrainingPlan
from unet_perception.training.trainer import (
    EpochReport,
    TrainingSamples,
    normalised,
    train,
    validation_miou,
)
from unet_perception.training.unet import UNet

torch.set_num_threads(1)
PLAN = TrainingPlan(
    UNetConfig(CLASSES, (8, 16, 24)), Size(64, 128), epochs=2, batch=2, learning_rate=2e-2
)


def weights_of(folder: Path) -> bytes:
    return (folder / WEIGHTS).read_bytes()


@pytest.fixture(scope='module')
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp('data') / 'toy')


class Run:
    """One training on the toy set, with what was on disk after every epoch."""

    def __init__(self, data: Path, out: Path, plan: TrainingPlan) -> None:
        self.out = out
        self.reports: list[EpochReport] = []
        self.records: list[dict[str, Any]] = []
        self.weights: list[bytes] = []
        train(data, out, plan, self._on_epoch)

    def _on_epoch(self, report: EpochReport) -> None:
        self.reports.append(report)
        self.records.append(load_checkpoint(self.out)[1])
        self.weights.append(weights_of(self.out))


@pytest.fixture(scope='module')
def trained(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(toy, tmp_path_factory.mktemp('trained'), PLAN)


def test_it_learns_far_more_than_a_constant_guess(toy: Path, trained: Run) -> None:
    guesses = [Confusion(2), Confusion(2)]
    for pair in split_by_blocks(pairs_from_folder(toy)).validation:
        _, truth = read_pair(pair, 2)
        for k, guess in enumerate(guesses):
            guess.add(truth, np.full_like(truth, k))
    constant = max(guess.miou() for guess in guesses)
    assert 0.3 < constant < 0.5
    assert trained.reports[-1].miou > constant + 0.3


def test_the_same_seed_yields_the_same_weights_bit_by_bit(
    toy: Path, trained: Run, tmp_path: Path
) -> None:
    assert Run(toy, tmp_path, PLAN).weights == trained.weights


def test_another_seed_yields_other_weights(toy: Path, trained: Run, tmp_path: Path) -> None:
    other = Run(toy, tmp_path, PLAN._replace(seed=1, epochs=1))
    assert other.weights[0] != trained.weights[0]


def test_a_checkpoint_is_written_each_epoch(trained: Run) -> None:
    assert [report.epoch for report in trained.reports] == [1, 2]
    assert [record['epochs_done'] for record in trained.records] == [1, 2]
    assert [r['validation_miou'] for r in trained.records] == [r.miou for r in trained.reports]
    assert trained.weights[0] != trained.weights[1]


def test_the_record_says_what_was_trained_on_what(trained: Run) -> None:
    plan = trained.records[-1]['plan']
    assert (plan['size'], plan['epochs'], plan['batch'], plan['seed']) == ([64, 128], 2, 2, 0)
    assert len(trained.records[-1]['data_sha256']) == 64
    assert trained.records[-1]['normalisation']['mean'] == list(trainer.MEAN)


def test_the_checkpoint_scores_what_was_reported(toy: Path, trained: Run) -> None:
    network, _ = load_checkpoint(trained.out)
    validation = split_by_blocks(pairs_from_folder(toy)).validation
    assert validation_miou(network, validation, PLAN) == trained.reports[-1].miou


def test_a_loaded_network_answers_as_the_saved_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = UNet(PLAN.unet)
    network(torch.randn(4, 3, 64, 128))  # moves the batch statistics
    save_checkpoint(tmp_path, network, {'by': 'hand'})
    loaded, training = load_checkpoint(tmp_path)
    image = torch.randn(1, 3, 64, 128)
    assert torch.equal(loaded(image), network.eval()(image))
    assert (training, loaded.config, loaded.training) == ({'by': 'hand'}, PLAN.unet, False)


def truncate(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(weights_of(folder)[:-100])


def empty(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b'')


def edit(**values: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        document = json.loads((folder / CONFIG).read_text())
        document['unet'] |= values
        (folder / CONFIG).write_text(json.dumps(document))

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    'truncated weights': truncate,
    'empty weights': empty,
    'no weights': lambda folder: (folder / WEIGHTS).unlink(),
    'no config': lambda folder: (folder / CONFIG).unlink(),
    'not JSON': lambda folder: (folder / CONFIG).write_text('{'),
    'not an object': lambda folder: (folder / CONFIG).write_text('[1]'),
    'no network': lambda folder: (folder / CONFIG).write_text('{"training": {}}'),
    'no record': lambda folder: (folder / CONFIG).write_text(
        json.dumps({'unet': PLAN.unet.as_dict()})
    ),
    'other widths': edit(widths=[8, 16, 32]),
    'more levels': edit(widths=[8, 16, 24, 32]),
    'other classes': edit(classes=3),
    'impossible classes': edit(classes=99),
    'unknown field': edit(depth=4),
}


@pytest.mark.parametrize('damage', DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_refused_in_one_line(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    save_checkpoint(tmp_path, UNet(PLAN.unet), {})
    damage(tmp_path)
    with pytest.raises(DataError) as refusal:
        load_checkpoint(tmp_path)
    assert str(tmp_path) in str(refusal.value)
    assert '\n' not in str(refusal.value)


def test_the_average_follows_the_network() -> None:
    average, network = UNet(PLAN.unet), UNet(PLAN.unet)
    network(torch.randn(2, 3, 64, 128))
    before = {name: value.clone() for name, value in average.state_dict().items()}
    trainer._follow(average, network, 0.75)
    for name, theirs in network.state_dict().items():
        counts = not theirs.dtype.is_floating_point
        expected = theirs if counts else 0.75 * before[name] + 0.25 * theirs
        torch.testing.assert_close(average.state_dict()[name], expected)


def test_what_is_kept_is_the_average(toy: Path, trained: Run, tmp_path: Path) -> None:
    raw = Run(toy, tmp_path, PLAN._replace(ema_decay=0.0, epochs=1))
    longer = PLAN._replace(epochs=1)
    assert raw.weights != Run(toy, tmp_path / 'averaged', longer).weights


def test_a_sample_depends_on_seed_epoch_and_place_alone(toy: Path) -> None:
    def sample(seed: int, epoch: int, place: int) -> bytes:
        samples = TrainingSamples(pairs_from_folder(toy)[:1] * 5, PLAN._replace(seed=seed))
        samples.epoch = epoch
        return b''.join(part.numpy().tobytes() for part in samples[place])

    assert sample(0, 0, 3) == sample(0, 0, 3)
    assert len({sample(*which) for which in ((0, 0, 3), (1, 0, 3), (0, 1, 3), (0, 0, 4))}) == 4


@pytest.mark.parametrize(
    ('change', 'complaint'),
    [
        ({'epochs': 0}, 'epochs must be at least 1, not 0'),
        ({'batch': 1}, 'batch must be at least 2, not 1'),
        ({'seed': -1}, 'seed must be at least 0, not -1'),
        ({'size': Size(60, 100)}, 'not divisible by 8; try 64x96'),
    ],
)
def test_a_plan_that_can_not_be_is_refused_before_anything_is_written(
    toy: Path, tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(RequestError, match=complaint):
        train(toy, tmp_path / 'out', PLAN._replace(**change), print)
    assert not (tmp_path / 'out').exists()


def test_a_batch_that_the_data_can_not_fill_is_refused(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match='32 training images do not fill a batch of 33'):
        train(toy, tmp_path, PLAN._replace(batch=33), print)


def test_images_without_labels_do_no_harm(tmp_path: Path) -> None:
    data = write_toy(tmp_path / 'toy')
    for file in sorted((data / 'masks').iterdir())[8:]:
        cv2.imwrite(str(file), np.full((72, 120), 255, np.uint8))
    run = Run(data, tmp_path / 'out', PLAN._replace(epochs=1))
    assert np.isfinite([run.reports[0].loss, run.reports[0].miou]).all()
    values = load_checkpoint(run.out)[0].state_dict().values()
    assert all(bool(torch.isfinite(value).all()) for value in values)


@pytest.mark.parametrize('steps', [1, 2, 10])
def test_a_run_may_be_short(toy: Path, tmp_path: Path, steps: int) -> None:
    run = Run(toy, tmp_path, PLAN._replace(epochs=steps, batch=32, size=Size(8, 16)))
    assert [report.epoch for report in run.reports] == list(range(1, steps + 1))


@pytest.mark.parametrize('part', ['images', 'masks'])
def test_a_corrupt_file_is_named_before_training_starts(tmp_path: Path, part: str) -> None:
    file = write_toy(tmp_path / 'toy') / part / '007.png'
    file.write_bytes(b'no picture')
    with pytest.raises(DataError, match=f'{part}/007.png') as refusal:
        train(tmp_path / 'toy', tmp_path / 'out', PLAN, print)
    assert '\n' not in str(refusal.value)
    assert not (tmp_path / 'out').exists()


def test_a_file_where_the_folder_should_be_is_refused(toy: Path, tmp_path: Path) -> None:
    (tmp_path / 'out').write_text('mine')
    with pytest.raises(RequestError, match=r'out.*can.t hold a checkpoint'):
        train(toy, tmp_path / 'out', PLAN, print)
    assert (tmp_path / 'out').read_text() == 'mine'


def test_normalisation_is_that_of_every_channel() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), np.uint8)
    expected = ((images - np.array(trainer.MEAN)) / np.array(trainer.STD)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(normalised(torch.from_numpy(images)), expected, rtol=1e-5)


class Listener:
    """In place of a network: keeps what it is shown."""

    def __init__(self) -> None:
        self.inputs: list[torch.Tensor] = []

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        self.inputs.append(images)
        return torch.zeros(1, 2, *PLAN.size)


def test_validation_and_the_pipeline_show_the_network_the_same_pixels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pairs, images = [], []
    for k, size in enumerate([(72, 120), (480, 640), (64, 128), (31, 200), (200, 31), (72, 120)]):
        image: U8 = rng.integers(0, 256, (*size, 3), np.uint8)
        pair = Pair(str(k), tmp_path / f'image{k}.png', tmp_path / f'mask{k}.png')
        cv2.imwrite(str(pair.image), image[..., ::-1])
        cv2.imwrite(str(pair.mask), np.zeros(size, np.uint8))
        pairs.append(pair)
        images.append(image)
    network, engine = Listener(), FakeEngine(np.zeros((2, *PLAN.size), np.uint8))
    validation_miou(network, pairs, PLAN)
    pipeline = SegmentationPipeline(engine, Resize.LETTERBOX)
    for image in images:
        pipeline.run(frame_from_pixels(image, 'rgb8'))
    for shown, served in zip(network.inputs, engine.images, strict=True):
        assert torch.equal(shown, normalised(torch.from_numpy(served)))
