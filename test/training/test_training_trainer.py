"""Training on a toy set: it learns, repeats itself, survives a kill, and leaves a checkpoint."""

from collections.abc import Iterator
from dataclasses import replace
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import psutil
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('kornia', reason="kornia is not installed: pip install '.[train]'")

import torch
from toy import CLASSES, write_toy

from unet_perception.core.frame import U8, frame_from_pixels
from unet_perception.core.geometry import Resize, Size
from unet_perception.core.pipeline import SegmentationPipeline
from unet_perception.core.scores import Confusion
from unet_perception.engines.fake import FakeEngine
from unet_perception.errors import DataError, RequestError
from unet_perception.training import samples, trainer
from unet_perception.training.checkpoint import (
    WEIGHTS,
    load_checkpoint,
    load_state,
    save_state,
)
from unet_perception.training.dataset import Pair, read_pair
from unet_perception.training.epoch_report import EpochReport
from unet_perception.training.family import UNetConfig
from unet_perception.training.plan import LossWeights, TrainingPlan
from unet_perception.training.split import split_of_folder
from unet_perception.training.trainer import train
from unet_perception.training.validation import MEAN, judge, normalised

torch.set_num_threads(1)
PLAN = TrainingPlan(
    UNetConfig(CLASSES, widths=(8, 16, 24)), Size(64, 128), epochs=2, batch=2, learning_rate=2e-2
)


def weights_of(folder: Path) -> bytes:
    (file,) = folder.glob(WEIGHTS)
    return file.read_bytes()


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
        self.history = train(data, out, plan, self._on_epoch)

    def _on_epoch(self, report: EpochReport) -> None:
        self.reports.append(report)
        self.records.append(load_checkpoint(self.out)[1])
        self.weights.append(weights_of(self.out))

    @property
    def averages(self) -> dict[str, bytes]:
        """Return the averaged weights at the end, be they the best or not."""
        tensors, _ = load_state(self.out)
        names = [name for name in tensors if name.startswith('average.')]
        return {name: tensors[name].numpy().tobytes() for name in names}


@pytest.fixture(scope='module')
def trained(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(toy, tmp_path_factory.mktemp('trained'), PLAN)


def test_it_learns_far_more_than_a_constant_guess(toy: Path, trained: Run) -> None:
    guesses = [Confusion(2), Confusion(2)]
    for pair in split_of_folder(toy).validation:
        _, truth = read_pair(pair, 2)
        for k, guess in enumerate(guesses):
            guess.add(truth, np.full_like(truth, k))
    constant = max(guess.miou() for guess in guesses)
    assert 0.3 < constant < 0.5
    assert max(report.miou for report in trained.reports) > constant + 0.3


def test_the_same_seed_yields_the_same_weights_bit_by_bit(
    toy: Path, trained: Run, tmp_path: Path
) -> None:
    again = Run(toy, tmp_path, PLAN)
    assert again.weights == trained.weights
    assert again.averages == trained.averages


def test_another_seed_yields_other_weights(toy: Path, trained: Run, tmp_path: Path) -> None:
    other = Run(toy, tmp_path, replace(PLAN, seed=1, epochs=1))
    assert other.weights[0] != trained.weights[0]


def test_what_is_kept_is_the_best_epoch(trained: Run) -> None:
    assert [report.epoch for report in trained.reports] == [1, 2]
    best = [max(trained.reports[: k + 1], key=lambda r: r.miou) for k in range(2)]
    assert [record['epochs_done'] for record in trained.records] == [r.epoch for r in best]
    assert [record['validation_miou'] for record in trained.records] == [r.miou for r in best]


def test_the_record_says_what_was_trained_on_what(trained: Run) -> None:
    plan = trained.records[-1]['plan']
    assert (plan['size'], plan['epochs'], plan['batch'], plan['seed']) == ([64, 128], 2, 2, 0)
    assert len(trained.records[-1]['data_sha256']) == 64
    assert trained.records[-1]['normalisation']['mean'] == list(MEAN)
    assert [entry['name'] for entry in trained.records[-1]['classes']] == ['ground', 'disc']


def test_the_checkpoint_scores_what_was_reported(toy: Path, trained: Run) -> None:
    network, record = load_checkpoint(trained.out)
    judgement = judge(network, split_of_folder(toy).validation, PLAN, torch.ones(2))
    assert judgement.confusion.miou() == record['validation_miou']


def test_tensorboard_gets_scalars_and_pictures(trained: Run) -> None:
    event_accumulator = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator', reason='no tensorboard'
    )
    events = event_accumulator.EventAccumulator(str(trained.out / 'tensorboard'))
    events.Reload()
    assert {'loss/training', 'loss/validation', 'miou', 'iou/disc'} <= set(
        events.Tags()['scalars']
    )
    shown = [event.value for event in events.Scalars('miou')]
    assert shown == pytest.approx([report.miou for report in trained.reports])
    assert len(events.Tags()['images']) == 4


SLOW = """
import sys
import time
from pathlib import Path

import torch

torch.set_num_threads(1)
from unet_perception.training import trainer
from unet_perception.training.plan import plan_from_dict, values_from_yaml

trainer.SAVE_EVERY_S = 0.0


def on_progress(what, done, total):
    print(what, done, flush=True)
    if what.startswith('epoch') and done == int(sys.argv[4]):
        time.sleep(60)  # to be killed


plan = plan_from_dict(values_from_yaml(Path(sys.argv[3])))
trainer.train(Path(sys.argv[1]), Path(sys.argv[2]), plan, lambda report: None, on_progress)
"""


def killed_in_mid_epoch(data: Path, out: Path, plan: Path, after_step: int) -> None:
    """Start a training and kill it with SIGKILL once it has taken a step."""
    process = subprocess.Popen(
        [sys.executable, '-c', SLOW, str(data), str(out), str(plan), str(after_step)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )
    try:
        for line in process.stdout:
            what, _, step = line.rpartition(' ')
            if what.startswith('epoch') and int(step) == after_step:
                break
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        process.stdout.close()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize('after_step', [5, 20])
def test_killed_in_mid_epoch_it_goes_on_to_the_same_weights(
    toy: Path, trained: Run, tmp_path: Path, after_step: int
) -> None:
    plan, out = tmp_path / 'plan.yaml', tmp_path / 'out'
    plan.write_text(json.dumps(PLAN.as_dict()))
    killed_in_mid_epoch(toy, out, plan, after_step)
    _, values = load_state(out)
    state = values['state']
    assert 0 < state['batch'] < 16
    assert state['steps'] == after_step - 1, 'the last step was not saved yet'
    resumed = Run(toy, out, PLAN)
    assert resumed.averages == trained.averages
    assert weights_of(out) == weights_of(trained.out)
    assert [r.loss for r in resumed.history] == [r.loss for r in trained.history]


def test_interrupted_between_epochs_it_goes_on_with_the_next(
    toy: Path, trained: Run, tmp_path: Path
) -> None:
    def stop(report: EpochReport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(toy, tmp_path, PLAN, stop)
    resumed = Run(toy, tmp_path, PLAN)
    assert [report.epoch for report in resumed.reports] == [2]
    assert resumed.averages == trained.averages


def test_a_file_that_vanishes_in_mid_training_is_named_in_one_line(tmp_path: Path) -> None:
    data = write_toy(tmp_path / 'toy')

    def vanish(what: str, done: int, total: int) -> None:
        if what.startswith('epoch') and done == 1:
            for mask in (data / 'masks').iterdir():
                mask.unlink()

    with pytest.raises(DataError, match=r'^.*masks/\d+\.png.* is not a file') as refusal:
        train(data, tmp_path / 'out', PLAN, lambda report: None, vanish)
    assert '\n' not in str(refusal.value)


@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')  # torch's own
def test_a_reader_that_is_killed_ends_with_a_sentence(
    toy: Path, trained: Run, tmp_path: Path
) -> None:
    def kill(what: str, done: int, total: int) -> None:
        if what.startswith('epoch') and done == 1:
            for child in psutil.Process().children():
                child.kill()

    with pytest.raises(RequestError, match=r'reading images failed .* goes on where it was'):
        train(toy, tmp_path, PLAN, lambda report: None, kill)
    assert Run(toy, tmp_path, PLAN).averages == trained.averages


@pytest.mark.parametrize('how', [EOFError(), ConnectionResetError(), OSError('broken\npipe\n')])
def test_whatever_way_reading_fails_the_sentence_says_it(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Exception
) -> None:
    def fails(*_: object, **__: object) -> Iterator[object]:
        raise how
        yield

    monkeypatch.setattr(samples, 'DataLoader', fails)
    said = str(how).strip().splitlines()[-1] if str(how) else type(how).__name__
    with pytest.raises(RequestError, match=rf'reading images failed \({said}\); .* goes on where'):
        train(toy, tmp_path, PLAN, pytest.fail)


def test_ctrl_c_ends_the_command_with_one_line_and_it_goes_on(
    toy: Path, trained: Run, tmp_path: Path
) -> None:
    plan = tmp_path / 'plan.yaml'
    plan.write_text(json.dumps({**PLAN.as_dict(), 'epochs': 500}))
    words = ['-m', 'unet_perception', 'train', str(toy), str(tmp_path / 'out')]
    process = subprocess.Popen(
        [sys.executable, *words, '--config', str(plan)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # also in the background
    )
    process.stdout.readline()  # an epoch is done
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == 'unet_perception train: interrupted'
    assert load_state(tmp_path / 'out')[1]['state']['epoch'] >= 1


@pytest.mark.parametrize(
    'damage',
    [
        lambda tensors, values: values['state'].pop('epoch'),
        lambda tensors, values: values['state'].update(batch=-3),
        lambda tensors, values: values['state'].update(depth=1),
        lambda tensors, values: tensors.pop('network.' + next(iter(tensors)).partition('.')[2]),
        lambda tensors, values: [tensors.pop(k) for k in list(tensors) if 'optimiser.3.' in k],
        lambda tensors, values: values.update(state=[]),
    ],
)
def test_a_state_that_was_changed_is_refused_with_a_way_out(
    toy: Path, trained: Run, tmp_path: Path, damage: Any
) -> None:
    tensors, values = load_state(trained.out)
    damage(tensors, values)
    save_state(tmp_path, tensors, values)
    with pytest.raises(DataError, match=r'does not belong to this training; remove it'):
        train(toy, tmp_path, PLAN, pytest.fail)


def test_killed_between_checkpoint_and_state_it_goes_on_to_the_same_weights(
    toy: Path, trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer.RunState, 'close_epoch', killed)
        with pytest.raises(KeyboardInterrupt):
            train(toy, tmp_path, PLAN, pytest.fail)
    assert load_checkpoint(tmp_path)[1]['epochs_done'] == 1
    assert Run(toy, tmp_path, PLAN).averages == trained.averages


def test_killed_after_the_last_batch_of_an_epoch_it_is_judged_and_goes_on(
    toy: Path, trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, 'SAVE_EVERY_S', 0.0)
        patch.setattr(trainer, 'judge', killed)
        with pytest.raises(KeyboardInterrupt):
            train(toy, tmp_path, PLAN, pytest.fail)
    assert load_state(tmp_path)[1]['state']['batch'] == 16
    assert Run(toy, tmp_path, PLAN).averages == trained.averages


def test_a_finished_training_is_not_begun_again(toy: Path, trained: Run) -> None:
    before = weights_of(trained.out)
    again = train(toy, trained.out, PLAN, pytest.fail)
    assert [report.epoch for report in again] == [1, 2]
    assert weights_of(trained.out) == before


@pytest.mark.parametrize(
    ('change', 'complaint'),
    [
        ({'epochs': 3}, 'epochs 2, not 3'),
        ({'seed': 4}, 'seed 0, not 4'),
        ({'unet': UNetConfig(2, widths=(8, 16, 32))}, r'widths \[8, 16, 24\], not \[8, 16, 32\]'),
        ({'loss': LossWeights(dice=1.0)}, 'dice 0.0, not 1.0'),
    ],
)
def test_the_checkpoint_of_another_request_is_refused_and_kept(
    toy: Path, trained: Run, change: dict[str, Any], complaint: str
) -> None:
    before = weights_of(trained.out)
    with pytest.raises(RequestError, match=f'holds a training with {complaint}; give another'):
        train(toy, trained.out, replace(PLAN, **change), pytest.fail)
    assert weights_of(trained.out) == before


def test_patience_stops_early(toy: Path, tmp_path: Path) -> None:
    plan = replace(PLAN, epochs=60, patience=2, learning_rate=1e-8, size=Size(8, 16))
    history = Run(toy, tmp_path, plan).history
    best = max(history, key=lambda report: report.miou)
    assert history[-1].epoch == max(r.epoch for r in history if r.is_best) + 2 < 60
    assert load_checkpoint(tmp_path)[1]['epochs_done'] == best.epoch


def test_a_disk_that_fills_up_leaves_the_last_checkpoint_and_the_way_on(
    toy: Path, trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = trainer.save_state

    def full_in_epoch_2(folder: Path, tensors: object, values: Any) -> None:
        if values['state']['epoch'] == 2:
            monkeypatch.setattr('os.fsync', no_space)
        write(folder, tensors, values)

    def no_space(handle: int) -> None:
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(trainer, 'save_state', full_in_epoch_2)
        with pytest.raises(RequestError, match=r'No space left.*give the same command again'):
            train(toy, tmp_path, PLAN, lambda report: None)
        assert load_checkpoint(tmp_path)
    monkeypatch.undo()
    assert Run(toy, tmp_path, PLAN).averages == trained.averages


def test_a_disk_too_full_for_tensorboard_ends_with_one_sentence(
    toy: Path, trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr('torch.utils.tensorboard.SummaryWriter.add_scalar', full)
        with pytest.raises(RequestError, match=r'tensorboard.*No space left.*same command again'):
            train(toy, tmp_path, PLAN, lambda report: None)
    assert Run(toy, tmp_path, PLAN).averages == trained.averages


@pytest.mark.parametrize('values', [{'class_weights': 'balanced'}, {'sampling': 'rare'}])
def test_every_way_to_favour_rare_classes_trains(
    toy: Path, tmp_path: Path, values: dict[str, Any]
) -> None:
    loss = LossWeights(cross_entropy=0.5, dice=0.5, focal=0.5, tversky=0.5)
    plan = replace(PLAN, epochs=1, loss=loss, **values)
    assert Run(toy, tmp_path, plan).history[0].miou > 0.5


def test_a_size_that_can_not_be_is_refused_before_anything_is_written(
    toy: Path, tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match=r'60x100 .*not divisible by 8; try 64x104'):
        train(toy, tmp_path / 'out', replace(PLAN, size=Size(60, 100)), print)
    assert not (tmp_path / 'out').exists()


def test_a_batch_that_the_data_can_not_fill_is_refused(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match='32 training images do not fill a batch of 33'):
        train(toy, tmp_path, replace(PLAN, batch=33), print)


def test_images_without_labels_do_no_harm(tmp_path: Path) -> None:
    data = write_toy(tmp_path / 'toy')
    for file in sorted((data / 'masks').iterdir())[12:]:
        cv2.imwrite(str(file), np.full((72, 120), 255, np.uint8))
    run = Run(data, tmp_path / 'out', replace(PLAN, epochs=1))
    assert np.isfinite([run.reports[0].loss, run.reports[0].miou]).all()
    values = load_checkpoint(run.out)[0].state_dict().values()
    assert all(bool(torch.isfinite(value).all()) for value in values)


@pytest.mark.parametrize('part', ['images', 'masks'])
def test_a_corrupt_file_is_named_before_training_starts(tmp_path: Path, part: str) -> None:
    file = write_toy(tmp_path / 'toy') / part / '007.png'
    file.write_bytes(b'no picture')
    (tmp_path / 'toy' / 'masks' / '011.png').unlink()
    with pytest.raises(DataError, match=r'1 more: unet_perception check-data') as refusal:
        train(tmp_path / 'toy', tmp_path / 'out', PLAN, print)
    assert '\n' not in str(refusal.value)
    assert not (tmp_path / 'out').exists()


def test_a_file_where_the_folder_should_be_is_refused(toy: Path, tmp_path: Path) -> None:
    (tmp_path / 'out').write_text('mine')
    with pytest.raises(RequestError, match=r'out.*can.t hold a checkpoint'):
        train(toy, tmp_path / 'out', PLAN, print)
    assert (tmp_path / 'out').read_text() == 'mine'


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
    judge(network, pairs, PLAN, torch.ones(2))
    pipeline = SegmentationPipeline(engine, Resize.LETTERBOX)
    for image in images:
        pipeline.run(frame_from_pixels(image, 'rgb8'))
    for shown, served in zip(network.inputs, engine.images, strict=True):
        assert torch.equal(shown, normalised(torch.from_numpy(served)))
