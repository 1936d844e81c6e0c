"""From a checkpoint to a model folder that the runtime accepts, with scores that are true."""

from collections.abc import Callable
import json
from pathlib import Path
import shutil
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

import torch
from toy import ABOUT, CLASSES, write_about, write_toy

from unet_perception.core.frame import U8
from unet_perception.core.geometry import Resize, Size, placement_from_sizes
from unet_perception.core.golden import check_golden, golden_from_bytes
from unet_perception.core.manifest import Model, model_from_folder
from unet_perception.engines import available_engines, choose_backend, open_engine
from unet_perception.errors import DataError, RequestError
from unet_perception.export import model_folder
from unet_perception.export.about import ABOUT_FIELDS
from unet_perception.export.model_folder import Exported, export_model
from unet_perception.training.checkpoint import CONFIG
from unet_perception.training.dataset import read_pair
from unet_perception.training.family import UNetConfig
from unet_perception.training.plan import TrainingPlan
from unet_perception.training.progress import no_progress
from unet_perception.training.split import split_of_folder
from unet_perception.training.trainer import train

torch.set_num_threads(1)
PLAN = TrainingPlan(
    UNetConfig(CLASSES, (8, 16, 24)), Size(64, 128), epochs=2, batch=2, learning_rate=2e-2
)


class Made(NamedTuple):
    """A toy set, a checkpoint trained on it and the model folder made of both."""

    data: Path
    checkpoint: Path
    exported: Exported
    progress: list[tuple[str, int, int]]

    @property
    def folder(self) -> Path:
        return self.exported.folder

    @property
    def model(self) -> Model:
        return model_from_folder(self.folder)


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp('made')
    data, checkpoint = write_toy(root / 'data'), root / 'checkpoint'
    train(data, checkpoint, PLAN, lambda report: None)
    progress: list[tuple[str, int, int]] = []
    told = write_about(root / 'disc')
    exported = export_model(checkpoint, data, told, lambda *state: progress.append(state))
    return Made(data, checkpoint, exported, progress)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def copy_of(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.folder, tmp_path / 'model'))


def test_the_runtime_accepts_every_file(made: Made) -> None:
    names = {file.file for file in made.model.files() if made.model.read(file)}
    assert names == {'model.fp32.64x128.onnx', 'golden.64x128.npz'}
    extra = {'about.json', 'manifest.json', 'MODEL_CARD.md'}
    assert {file.name for file in made.folder.iterdir()} == names | extra


@pytest.mark.parametrize('backend', available_engines())
def test_every_engine_passes_the_golden_check(made: Made, backend: str) -> None:
    manifest = made.model.manifest
    (artifact,), (point,) = manifest.artifacts, manifest.operating_points
    golden = golden_from_bytes(made.model.read(point.golden), point.golden.file)
    with open_engine(backend, made.model, artifact, 1) as engine:
        assert min(check_golden(engine, golden)) > 0.99


def test_the_manifest_says_what_people_and_training_said(made: Made) -> None:
    manifest = made.model.manifest
    assert (manifest.name, manifest.task, manifest.resize) == (
        'disc',
        'red discs',
        Resize.LETTERBOX,
    )
    assert manifest.colors == [(0, 0, 0), (255, 0, 0)]
    training = json.loads((made.checkpoint / CONFIG).read_text())['training']
    assert manifest.document['classes'] == training.pop('classes')
    assert manifest.document['training'] == training
    assert manifest.document['scores']['data_sha256'] == training['data_sha256']


def brute_force(made: Made) -> dict[str, Any]:
    """Score by the definitions: planes upsampled, largest wins, every pixel counted."""
    manifest = made.model.manifest
    truths, masks, confidences = [], [], []
    with open_engine(choose_backend('auto').backend, made.model, manifest.artifacts[0]) as engine:
        for pair in split_of_folder(made.data).validation:
            image, truth = read_pair(pair, 2)
            placement = placement_from_sizes(Size(*truth.shape), PLAN.size, Resize.LETTERBOX)
            canvas = np.zeros((1, *PLAN.size, 3), np.uint8)
            placement.apply(image, canvas[0])
            planes = [placement.content(p) for p in engine.infer(canvas).probabilities[0]]
            large = np.stack([cv2.resize(plane, truth.shape[::-1]) for plane in planes])
            truths.append(truth)
            masks.append(large.argmax(0))
            confidences.append(large.max(0).astype(int))
    truth, mask, confidence = np.stack(truths), np.stack(masks), np.stack(confidences)
    iou = [((truth == k) & (mask == k)).sum() / ((truth == k) | (mask == k)).sum() for k in (0, 1)]
    ece = 0.0
    for k in range(15):
        inside = (15 * confidence > 255 * k) & (15 * confidence <= 255 * (k + 1))  # (k/15, …]
        if inside.any():
            gap = (truth == mask)[inside].mean() - confidence[inside].mean() / 255
            ece += abs(gap) * inside.mean()
    accuracy = (truth == mask).mean()
    return {
        'images': len(truths),
        'miou': np.mean(iou),
        'iou': iou,
        'pixel_accuracy': accuracy,
        'ece': ece,
    }


def test_the_scores_are_those_of_a_brute_force_count(made: Made) -> None:
    expected = brute_force(made)
    scores = made.model.manifest.document['scores']
    told = made.exported.scores[PLAN.size].as_json()
    assert told == {key: scores[key] for key in told}
    assert told['backend'] == choose_backend('auto').backend
    for key, value in expected.items():
        assert scores[key] == pytest.approx(value, abs=1e-9), key
    assert expected['miou'] > 0.8


def test_the_card_tells_scores_licence_and_limits(made: Made) -> None:
    card = (made.folder / 'MODEL_CARD.md').read_text(encoding='utf-8')
    told = [*ABOUT['limits'], *ABOUT['commands'], ABOUT['data'], ABOUT['license']]
    assert all(text in card for text in (*told, ABOUT['attribution']))
    scores = made.exported.scores[PLAN.size].scores
    single = (scores.miou, scores.boundary_iou, scores.pixel_accuracy, scores.ece)
    for value in (*single, scores.ece_boundary, *scores.iou):
        assert f'| {value:.4f} |' in card
    for k, name in enumerate(('ground', 'disc')):
        rates = (scores.class_boundary_iou, scores.dice, scores.precision, scores.recall)
        cells = [f'{values[k]:.4f}' for values in (*rates, scores.class_ece)]
        islands = [str(values[k]) for values in (scores.islands, scores.island_pixels)]
        assert f'| {" | ".join([name, *cells, *islands])} |' in card
    assert f'the {scores.images} validation images' in card


def test_progress_counts_to_the_last_image(made: Made) -> None:
    images = made.exported.scores[PLAN.size].scores.images
    assert made.progress[0] == ('exporting 64x128', 0, 1)
    assert made.progress[-1] == ('scoring 64x128', images, images)


def test_each_size_becomes_an_operating_point_with_scores_of_its_own(
    made: Made, tmp_path: Path
) -> None:
    sizes = [Size(64, 128), Size(32, 64), Size(64, 128)]
    folder = write_about(tmp_path / 'model')
    exported = export_model(made.checkpoint, made.data, folder, no_progress, sizes)
    model = model_from_folder(folder)
    points = model.manifest.operating_points
    assert [point[:2] for point in points] == [(64, 128), (32, 64)] == list(exported.scores)
    for point, (_, scores) in zip(points, exported.scores.values(), strict=True):
        assert point.scores == {
            'miou': scores.miou,
            'iou_ground': scores.iou[0],
            'iou_disc': scores.iou[1],
            'boundary_iou': scores.boundary_iou,
            'ece': scores.ece,
            'ece_boundary': scores.ece_boundary,
        }
        artifact = model.manifest.artifact('fp32', point)
        golden = golden_from_bytes(model.read(point.golden), point.golden.file)
        with open_engine('onnxruntime', model, artifact, 1) as engine:
            assert min(check_golden(engine, golden)) > 0.99
    best = max(exported.scores.values(), key=lambda each: each.scores.miou)
    assert best.as_json().items() <= model.manifest.document['scores'].items()
    assert exported.scores[PLAN.size].as_json() == made.exported.scores[PLAN.size].as_json()
    card = (folder / 'MODEL_CARD.md').read_text()
    assert f'| 32x64 | {points[1].scores["miou"]:.4f} |' in card


def test_a_size_that_the_network_cannot_take_is_refused_before_any_work(
    made: Made, tmp_path: Path
) -> None:
    folder, progress = write_about(tmp_path / 'model'), list[object]()
    sizes = [Size(64, 128), Size(60, 100)]
    with pytest.raises(RequestError, match=r'60x100 .* not divisible by 8; try 64x104'):
        export_model(
            made.checkpoint, made.data, folder, lambda *state: progress.append(state), sizes
        )
    assert progress == []


def test_exporting_again_mends_the_folder_to_the_same_bytes(made: Made, tmp_path: Path) -> None:
    folder = copy_of(made, tmp_path)
    for name in ('manifest.json', 'model.fp32.64x128.onnx', 'MODEL_CARD.md'):
        (folder / name).write_text('damaged')
    export_model(made.checkpoint, made.data, folder, no_progress)
    assert contents(folder) == contents(made.folder)


def test_an_export_that_fails_leaves_the_folder_as_it_was(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DataError('scoring failed')

    folder = write_about(copy_of(made, tmp_path), version='0.0.2')
    before = contents(folder)
    monkeypatch.setattr(model_folder, 'score_pairs', fail)
    with pytest.raises(DataError, match='scoring failed'):
        export_model(made.checkpoint, made.data, folder, no_progress)
    assert contents(folder) == before


def test_without_an_image_for_the_golden_check_there_is_no_export(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_folder, 'LEAST_SHARE', 0.3)  # two classes can't cover 60 % each
    folder = write_about(tmp_path / 'model')
    with pytest.raises(DataError, match='every class in no validation image'):
        export_model(made.checkpoint, made.data, folder, no_progress)
    assert [file.name for file in folder.iterdir()] == ['about.json']


def test_other_data_than_trained_on_is_refused(made: Made, tmp_path: Path) -> None:
    other = Path(shutil.copytree(made.data, tmp_path / 'other'))
    shutil.copy(other / 'images' / '000.png', other / 'images' / '001.png')
    with pytest.raises(DataError, match=r'other.* is not the data .* give the same folder'):
        export_model(made.checkpoint, other, write_about(tmp_path / 'model'), no_progress)


def without_about(folder: Path) -> None:
    (folder / 'about.json').unlink()


def not_json(folder: Path) -> None:
    (folder / 'about.json').write_text('{')


def not_an_object(folder: Path) -> None:
    (folder / 'about.json').write_text('5')


def only_a_name(folder: Path) -> None:
    (folder / 'about.json').write_text('{"name": "disc"}')


@pytest.mark.parametrize(
    ('damage', 'complaint'),
    [
        (without_about, 'about.json.*can.t be read.*fields name, version'),
        (not_json, 'about.json.*can.t be read'),
        (not_an_object, 'about.json.*is not a JSON object'),
        (only_a_name, f'about.json.*lacks {", ".join(ABOUT_FIELDS[1:])}'),
    ],
)
def test_what_is_wrong_with_about_json_is_said(
    made: Made, tmp_path: Path, damage: Callable[[Path], None], complaint: str
) -> None:
    folder = write_about(tmp_path / 'model')
    damage(folder)
    before = contents(folder)
    with pytest.raises(RequestError, match=complaint):
        export_model(made.checkpoint, made.data, folder, no_progress)
    assert contents(folder) == before


def test_a_missing_model_folder_is_a_missing_about_json(made: Made, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r'nowhere/about.json'):
        export_model(made.checkpoint, made.data, tmp_path / 'nowhere', no_progress)


def test_the_golden_shows_every_class(made: Made) -> None:
    (point,) = made.model.manifest.operating_points
    golden = golden_from_bytes(made.model.read(point.golden), point.golden.file)
    ids: U8 = golden.probabilities.argmax(0)
    assert min((ids == k).mean() for k in (0, 1)) >= 0.02
