"""Calibration finds how sure a network may be, changes nothing else, and its model says so."""

from collections.abc import Callable
import json
from pathlib import Path
import shutil
from typing import Any

import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

import torch
from toy import CLASSES, write_about, write_toy

from unet_perception.cli.main import main
from unet_perception.core.engine import EngineOptions
from unet_perception.core.geometry import Size
from unet_perception.core.golden import golden_from_bytes
from unet_perception.core.manifest import Model, model_from_folder
from unet_perception.core.progress import no_progress
from unet_perception.core.reference import CONFIDENCE_BINS
from unet_perception.engines import open_engine
from unet_perception.errors import DataError, RequestError
from unet_perception.export.calibrate import Calibrated, calibrate
from unet_perception.export.calibration_file import CALIBRATION, UNCALIBRATED, load_calibration
from unet_perception.export.calibration_views import AS_THEY_ARE, KINDS, halves_of_pairs
from unet_perception.training.checkpoint import load_checkpoint, save_checkpoint
from unet_perception.training.dataset import pairs_from_folder, read_pair
from unet_perception.training.family import UNetConfig
from unet_perception.training.plan import TrainingPlan
from unet_perception.training.trainer import train

torch.set_num_threads(1)
PLAN = TrainingPlan(
    UNetConfig(CLASSES, (8, 16, 24)), Size(64, 128), epochs=2, batch=2, learning_rate=2e-2
)
FACTOR = 4.0


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp('data') / 'toy')


@pytest.fixture(scope='module')
def checkpoint(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('checkpoint')
    train(data, out, PLAN, lambda report: None)
    return out


@pytest.fixture(scope='module')
def boasting(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network, `FACTOR` times as sure of all it says."""
    network, training = load_checkpoint(checkpoint)
    with torch.no_grad():
        for parameter in network.head.classify.parameters():
            parameter *= FACTOR
    folder = tmp_path_factory.mktemp('boasting')
    save_checkpoint(folder, network, training)
    return folder


@pytest.fixture(scope='module')
def found(checkpoint: Path, data: Path) -> Calibrated:
    return calibrate(checkpoint, data, no_progress)


@pytest.fixture(scope='module')
def found_of_boasting(boasting: Path, data: Path) -> Calibrated:
    return calibrate(boasting, data, no_progress)


def test_a_network_that_is_four_times_as_sure_gets_four_times_the_temperature(
    found: Calibrated, found_of_boasting: Calibrated
) -> None:
    assert found_of_boasting.temperature == pytest.approx(FACTOR * found.temperature, rel=1e-3)


def test_labels_are_more_likely_afterwards_on_images_of_both_kinds_together(
    found_of_boasting: Calibrated,
) -> None:
    document = found_of_boasting.as_json()
    before, after = (
        sum(document[when][kind]['nll'] for kind in KINDS) for when in ('before', 'after')
    )
    assert after < before
    assert document['after']['shifted']['ece'] < document['before']['shifted']['ece']
    assert document['ece_before'] == document['before'][AS_THEY_ARE]['ece']
    assert document['ece_after'] == document['after'][AS_THEY_ARE]['ece']


def test_what_is_told_is_plain_json_with_every_pixel_counted(
    data: Path, found: Calibrated
) -> None:
    document = json.loads(json.dumps(found.as_json(), allow_nan=False))
    pairs = pairs_from_folder(data)
    pixels = found.images * read_pair(pairs[0], CLASSES)[1].size
    assert sum(row[0] for row in document['before'][AS_THEY_ARE]['bins']) == pixels
    assert len(document['confidence_histogram']) == CONFIDENCE_BINS
    assert sum(document['confidence_histogram']) == pixels
    statistics = found.reference()['statistics']
    assert {'brightness', 'sharpness', 'share_disc'} <= statistics.keys()
    assert all(sum(each['counts']) == found.images for each in statistics.values())


def test_the_same_data_yield_the_same_temperature(
    checkpoint: Path, data: Path, found: Calibrated
) -> None:
    assert calibrate(checkpoint, data, no_progress).as_json() == found.as_json()


def test_the_halves_are_runs_of_whole_groups(data: Path) -> None:
    pairs = pairs_from_folder(data)
    groups = {pair.name: str(k // 3) for k, pair in enumerate(pairs)}
    halves = halves_of_pairs(pairs, groups)
    names = [{groups[pair.name] for pair in half} for half in halves]
    assert not set.intersection(*names)
    assert sum(map(len, halves)) == len(pairs)
    assert min(map(len, halves)) > len(pairs) / 3
    with pytest.raises(DataError, match='give at least two'):
        halves_of_pairs(pairs, dict.fromkeys(groups, 'one'))


def test_data_of_other_classes_are_refused(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(data, tmp_path / 'other'))
    (other / 'classes.yaml').write_text('classes: [{id: 0, name: a}, {id: 1, name: b}]')
    with pytest.raises(RequestError, match='has the classes a, b, the checkpoint ground, disc'):
        calibrate(checkpoint, other, no_progress)


@pytest.fixture(scope='module')
def model(boasting: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The boasting network, calibrated and exported by the commands."""
    folder = write_about(tmp_path_factory.mktemp('model') / 'disc')
    assert main(['calibrate', str(boasting), str(data)]) == 0
    words = ['export', str(boasting), str(data), str(folder), '--precisions', 'fp32']
    assert main(words) == 0
    return model_from_folder(folder)


def test_the_temperature_is_in_the_file_the_manifest_and_the_card(
    model: Model, boasting: Path, found_of_boasting: Calibrated
) -> None:
    temperature = found_of_boasting.temperature
    assert model.manifest.calibration.temperature == temperature
    assert model.manifest.document['calibration'] == found_of_boasting.as_json()
    assert model.manifest.document['reference'] == found_of_boasting.reference()
    card = (model.folder / 'MODEL_CARD.md').read_text()
    assert f'Temperature {temperature:.3f}' in card
    assert '![Accuracy over confidence](reliability.svg)' in card
    (artifact,), (point,) = model.manifest.artifacts, model.manifest.operating_points
    image = golden_from_bytes(model.read(point.golden), 'golden').image
    network, training = load_checkpoint(boasting)
    mean, std = (np.float32(training['normalisation'][key]) for key in ('mean', 'std'))
    planes = torch.from_numpy((image - mean) / std).permute(2, 0, 1)[None].float()
    with (
        torch.inference_mode(),
        open_engine('onnxruntime', model, artifact, EngineOptions(1)) as engine,
    ):
        expected = (network(planes) / temperature).softmax(1).numpy() * 255
        answer = engine.infer(image[None]).probabilities.astype(float)
    assert np.abs(answer - expected).max() <= 1


def test_the_report_can_be_looked_at(model: Model, boasting: Path) -> None:
    page = (boasting / 'calibration.html').read_text()
    assert page.count('<svg') == len(KINDS) + 1
    for said in ('Images as they are', 'Images shifted', 'answers with disc', 'brightness'):
        assert said in page
    picture = (model.folder / 'reliability.svg').read_text()
    assert picture.startswith('<svg xmlns=')
    assert 'var(--' not in picture


def test_other_weights_are_not_calibrated_by_it(
    model: Model, boasting: Path, checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / 'checkpoint'))
    assert load_calibration(folder) == UNCALIBRATED
    shutil.copy(boasting / CALIBRATION, folder)
    with pytest.raises(DataError, match=r'is of weights that were here before; .*calibrate'):
        load_calibration(folder)


@pytest.mark.parametrize(
    'content', ['{', '[]', '{"calibration": {}}', '{"calibration": {"temperature": "hot"}}']
)
def test_a_file_that_cannot_be_used_is_named_with_the_cure(
    checkpoint: Path, tmp_path: Path, content: str
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / 'checkpoint'))
    (folder / CALIBRATION).write_text(content)
    with pytest.raises(DataError, match=rf"{CALIBRATION}' can't be used .* writes another"):
        load_calibration(folder)


def test_json_holds_all_that_was_found(
    boasting: Path, data: Path, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['calibrate', str(boasting), str(data), '--json']) == 0
    told = json.loads(capsys.readouterr().out)
    assert told['calibration'] == model.manifest.document['calibration']


def test_what_is_no_checkpoint_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['calibrate', str(data), str(data)]) == 2
    assert 'is not a checkpoint of this package' in capsys.readouterr().err


def test_a_training_that_goes_on_meanwhile_is_not_vouched_for(
    checkpoint: Path, data: Path, boasting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / 'checkpoint'))
    network, training = load_checkpoint(boasting)

    def replaced(*words: object) -> Calibrated:
        found = calibrate(*words)
        save_checkpoint(folder, network, training)
        return found

    monkeypatch.setattr('unet_perception.export.calibrate.calibrate', replaced)
    assert main(['calibrate', str(folder), str(data)]) == 0
    with pytest.raises(DataError, match='is of weights that were here before'):
        load_calibration(folder)


@pytest.mark.parametrize(
    'change',
    [
        lambda values: values.update(temperature='1.5'),
        lambda values: values.pop('images'),
        lambda values: values.update(before={}),
        lambda values: values.update(after='x'),
        lambda values: values['after']['as they are'].update(bins=[[1, 'a', 0.5]]),
    ],
)
def test_a_calibration_that_was_changed_is_refused(
    boasting: Path, model: Model, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    folder = Path(shutil.copytree(boasting, tmp_path / 'checkpoint'))
    document = json.loads((folder / CALIBRATION).read_text())
    change(document['calibration'])
    (folder / CALIBRATION).write_text(json.dumps(document))
    with pytest.raises(DataError, match="can't be used"):
        load_calibration(folder)
