"""From a checkpoint to a model folder that the runtime accepts, with scores that are true."""

from collections.abc import Callable
import json
from pathlib import Path
import re
import shutil
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

import onnx
import torch
from toy import ABOUT, CLASSES, write_about, write_toy

from unet_perception.core.checksums import problems_by_file
from unet_perception.core.engine import EngineOptions
from unet_perception.core.frame import U8, frame_from_pixels
from unet_perception.core.geometry import Resize, Size, placement_from_sizes
from unet_perception.core.golden import check_golden, golden_from_bytes
from unet_perception.core.manifest import Model, model_from_folder
from unet_perception.core.pipeline import SegmentationPipeline
from unet_perception.core.progress import no_progress
from unet_perception.core.scores import Confusion
from unet_perception.engines import available_engines, open_engine
from unet_perception.engines.fake import FakeEngine
from unet_perception.engines.precision import precision_of
from unet_perception.errors import DataError, EngineError, RequestError
from unet_perception.export import golden_image, model_folder, trial
from unet_perception.export.about import ABOUT_FIELDS
from unet_perception.export.model_folder import Exported, Wish, export_model
from unet_perception.export.pictures import failures_picture
from unet_perception.export.reference_engine import reference_engine
from unet_perception.export.tensorrt_build import tensorrt_version
from unet_perception.training.checkpoint import CONFIG
from unet_perception.training.dataset import pairs_from_folder, read_pair
from unet_perception.training.family import UNetConfig
from unet_perception.training.plan import TrainingPlan
from unet_perception.training.split import split_of_folder
from unet_perception.training.trainer import train

torch.set_num_threads(1)
PLAN = TrainingPlan(
    UNetConfig(CLASSES, (8, 16, 24)), Size(64, 128), epochs=2, batch=2, learning_rate=2e-2
)

FP32 = Wish(precisions=['fp32'])


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
    exported = export_model(checkpoint, data, told, lambda *state: progress.append(state), FP32)
    assert exported.refusals == []
    return Made(data, checkpoint, exported, progress)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def copy_of(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.folder, tmp_path / 'model'))


def test_the_runtime_accepts_every_file(made: Made) -> None:
    names = {file.file for file in made.model.files() if made.model.read(file)}
    assert names == {'model.fp32.64x128.onnx', 'golden.64x128.npz'}
    extra = {'about.json', 'manifest.json', 'MODEL_CARD.md', 'failures.jpg', 'SHA256SUMS'}
    assert {file.name for file in made.folder.iterdir()} == names | extra


@pytest.mark.parametrize('backend', available_engines())
def test_every_engine_passes_the_golden_check(made: Made, backend: str) -> None:
    manifest = made.model.manifest
    (artifact,), (point,) = manifest.artifacts, manifest.operating_points
    golden = golden_from_bytes(made.model.read(point.golden), point.golden.file)
    with open_engine(backend, made.model, artifact, EngineOptions(1)) as engine:
        assert min(check_golden(engine, golden)) > 0.99


def test_the_manifest_says_what_people_and_training_said(made: Made) -> None:
    manifest = made.model.manifest
    assert (manifest.name, manifest.task, manifest.resize) == (
        'disc',
        'red discs',
        Resize.LETTERBOX,
    )
    assert manifest.colors == [(0, 0, 0), (255, 0, 0)]
    document = json.loads((made.checkpoint / CONFIG).read_text())
    training = {**document['training'], 'unet': document['unet']}
    assert manifest.document['classes'] == training.pop('classes')
    assert manifest.document['training'] == training
    assert manifest.document['scores']['data_sha256'] == training['data_sha256']


def brute_force(made: Made) -> dict[str, Any]:
    """Score by the definitions: planes upsampled, largest wins, every pixel counted."""
    manifest = made.model.manifest
    truths, masks, confidences = [], [], []
    with open_engine('onnxruntime', made.model, manifest.artifacts[0]) as engine:
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
    assert scores['backend'] == 'onnxruntime'
    for key, value in expected.items():
        assert scores[key] == pytest.approx(value, abs=1e-9), key
    assert expected['miou'] > 0.8


def test_the_card_tells_scores_licence_and_limits(made: Made) -> None:
    card = (made.folder / 'MODEL_CARD.md').read_text(encoding='utf-8')
    told = [*ABOUT['limits'], *ABOUT['commands'], ABOUT['data'], ABOUT['license']]
    assert all(text in card for text in (*told, ABOUT['attribution']))
    scores = made.exported.scores[PLAN.size]
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
    images = made.exported.scores[PLAN.size].images
    assert made.progress[0] == ('making fp32 64x128', 0, 1)
    assert made.progress[-1] == ('scoring every file', images, images)


def test_each_size_becomes_an_operating_point_with_scores_of_its_own(
    made: Made, tmp_path: Path
) -> None:
    sizes = [Size(64, 128), Size(32, 64), Size(64, 128)]
    folder = write_about(tmp_path / 'model')
    wish = Wish(sizes, ['fp32'])
    exported = export_model(made.checkpoint, made.data, folder, no_progress, wish)
    model = model_from_folder(folder)
    points = model.manifest.operating_points
    assert [point[:2] for point in points] == [(64, 128), (32, 64)] == list(exported.scores)
    for point, scores in zip(points, exported.scores.values(), strict=True):
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
        with open_engine('onnxruntime', model, artifact, EngineOptions(1)) as engine:
            assert min(check_golden(engine, golden)) > 0.99
    best = max(exported.scores.values(), key=lambda each: each.miou)
    assert best.as_json().items() <= model.manifest.document['scores'].items()
    assert exported.scores[PLAN.size].as_json() == made.exported.scores[PLAN.size].as_json()
    card = (folder / 'MODEL_CARD.md').read_text()
    assert f'| 32x64 | {points[1].scores["miou"]:.4f} |' in card


def test_a_size_that_the_network_cannot_take_is_refused_before_any_work(
    made: Made, tmp_path: Path
) -> None:
    folder, progress = write_about(tmp_path / 'model'), list[object]()
    wish = Wish([Size(64, 128), Size(60, 100)])
    with pytest.raises(RequestError, match=r'60x100 .* not divisible by 8; try 64x104'):
        export_model(
            made.checkpoint, made.data, folder, lambda *state: progress.append(state), wish
        )
    assert progress == []


def test_exporting_again_mends_the_folder_to_the_same_bytes(made: Made, tmp_path: Path) -> None:
    folder = copy_of(made, tmp_path)
    for name in ('manifest.json', 'model.fp32.64x128.onnx', 'MODEL_CARD.md'):
        (folder / name).write_text('damaged')
    export_model(made.checkpoint, made.data, folder, no_progress, FP32)
    assert contents(folder) == contents(made.folder)


def test_an_export_that_fails_leaves_the_folder_as_it_was(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DataError('scoring failed')

    folder = write_about(copy_of(made, tmp_path), version='0.0.2')
    before = contents(folder)
    monkeypatch.setattr(model_folder, 'try_files', fail)
    with pytest.raises(DataError, match='scoring failed'):
        export_model(made.checkpoint, made.data, folder, no_progress)
    assert contents(folder) == before


def test_without_an_image_for_the_golden_check_there_is_no_export(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golden_image, 'SAFE_SHARE', 0.6)  # two classes can't cover 60 % each
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


@pytest.fixture(scope='module')
def all_precisions(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The same checkpoint in every precision, whatever int8 may lose of a toy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, 'MOST_LOSS', 1.0)
        folder = write_about(tmp_path_factory.mktemp('all') / 'disc')
        exported = export_model(made.checkpoint, made.data, folder, no_progress)
    assert exported.refusals == []
    return model_from_folder(folder)


def test_every_precision_is_made_and_shows_in_its_file(all_precisions: Model) -> None:
    artifacts = all_precisions.manifest.artifacts
    assert [artifact.precision for artifact in artifacts] == ['fp32', 'fp16', 'int8']
    for artifact in artifacts:
        content = all_precisions.read(artifact.file)
        assert precision_of(onnx.load_from_string(content)) == artifact.precision


def test_the_manifest_says_what_each_file_is_worth(made: Made, all_precisions: Model) -> None:
    entries = all_precisions.manifest.document['artifacts']
    for artifact, entry in zip(all_precisions.manifest.artifacts, entries, strict=True):
        truth, agreement = Confusion(CLASSES), Confusion(CLASSES)
        content = all_precisions.read(artifact.file)
        with (
            reference_engine(content, artifact, CLASSES) as engine,
            open_engine('onnxruntime', made.model, made.model.manifest.artifacts[0]) as fp32,
        ):
            ours, theirs = (SegmentationPipeline(e, Resize.LETTERBOX) for e in (engine, fp32))
            for pair in split_of_folder(made.data).validation:
                image, label = read_pair(pair, CLASSES)
                frame = frame_from_pixels(image, 'rgb8')
                mask = ours.run(frame).mask
                truth.add(label, mask)
                agreement.add(theirs.run(frame).mask, mask)
        assert entry['iou'] == pytest.approx(truth.iou().tolist())
        assert entry['class_iou_to_fp32'] == pytest.approx(agreement.iou().tolist(), abs=1e-3)
    assert entries[0]['class_iou_to_fp32'] == [1.0, 1.0]


def test_tensorrt_built_every_file_where_it_is_installed(all_precisions: Model) -> None:
    version = tensorrt_version()
    for entry in all_precisions.manifest.document['artifacts']:
        assert (entry['tensorrt'] or {}).get('builder') == version


def test_a_file_that_loses_too_much_keeps_everything_from_being_published(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, 'MOST_LOSS', -2.0)  # whatever it loses is too much
    folder = write_about(copy_of(made, tmp_path), version='0.0.2')
    before = contents(folder)
    wish = Wish(precisions=['fp16', 'fp32'])
    exported = export_model(made.checkpoint, made.data, folder, no_progress, wish)
    (refusal,) = exported.refusals
    assert re.search(r"model.fp16.64x128.onnx: class '\w+' loses .* points of IoU", refusal)
    assert contents(folder) == before


def test_floats_on_both_ends_are_the_same_model(made: Made, tmp_path: Path) -> None:
    folder = write_about(tmp_path / 'disc')
    wish = Wish(precisions=['fp32'], io='float32')
    export_model(made.checkpoint, made.data, folder, no_progress, wish)
    model = model_from_folder(folder)
    document = model.manifest.document
    assert {document[end]['dtype'] for end in ('input', 'output')} == {'float32'}
    point = made.model.manifest.operating_points[0]
    golden = golden_from_bytes(made.model.read(point.golden), point.golden.file)
    for backend in available_engines():
        ours, theirs = (
            open_engine(backend, each, each.manifest.artifacts[0], EngineOptions(1))
            .infer(golden.image[None])
            .probabilities
            for each in (model, made.model)
        )
        assert ours.dtype == np.uint8
        assert np.array_equal(ours, theirs)


def test_fp32_is_made_whatever_is_wished_for(made: Made, tmp_path: Path) -> None:
    folder, wish = write_about(tmp_path / 'disc'), Wish(precisions=['fp16'])
    export_model(made.checkpoint, made.data, folder, no_progress, wish)
    artifacts = model_from_folder(folder).manifest.artifacts
    assert [artifact.precision for artifact in artifacts] == ['fp32', 'fp16']


def test_the_sums_hold_every_byte_of_the_folder(made: Made) -> None:
    assert set(problems_by_file(made.folder)) == set(contents(made.folder)) - {'SHA256SUMS'}
    assert not any(problems_by_file(made.folder).values())


def test_left_overs_of_another_export_go_and_files_of_people_stay(
    made: Made, tmp_path: Path
) -> None:
    folder = copy_of(made, tmp_path)
    for name in ('model.int8.8x8.onnx', 'golden.8x8.npz', 'reliability.svg', 'training.yaml'):
        (folder / name).write_text(name)
    export_model(made.checkpoint, made.data, folder, no_progress, FP32)
    assert set(contents(folder)) == {*contents(made.folder), 'training.yaml'}
    assert problems_by_file(folder) == dict.fromkeys({*contents(folder)} - {'SHA256SUMS'}, '')


def test_a_full_disk_while_publishing_leaves_the_old_model_whole(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_about(copy_of(made, tmp_path), version='0.0.2')
    before, calls = contents(folder), iter(range(100))

    def copy(source: Path, target: str) -> str:
        if next(calls) == 2:
            raise OSError(28, 'No space left on device')
        return str(shutil.copyfile(source, Path(target) / source.name))

    monkeypatch.setattr(model_folder.shutil, 'copy', copy)
    with pytest.raises(OSError, match='No space left'):
        export_model(made.checkpoint, made.data, folder, no_progress, FP32)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ('changes', 'complaint'),
    [
        ({'name': 5}, 'name 5 is not a short text'),
        ({'version': 'x' * 201}, 'version .* is not a short text'),
        ({'license': None}, 'license None is not a text'),
        ({'limits': 5}, 'limits 5 is not a list of sentences'),
        ({'commands': ['train', 5]}, 'commands .* is not a list of command lines'),
    ],
)
def test_a_field_of_another_kind_is_refused_before_any_work(
    made: Made, tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    folder = write_about(tmp_path / 'model', **changes)
    with pytest.raises(RequestError, match=complaint):
        export_model(made.checkpoint, made.data, folder, no_progress, FP32)


def test_what_tensorrt_refuses_is_not_published(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(content: bytes, file: str, io: str) -> None:
        raise EngineError(f"the builder can't parse {file!r}")

    monkeypatch.setattr(model_folder, 'trial_plan', refuse)
    folder = write_about(copy_of(made, tmp_path), version='0.0.2')
    before = contents(folder)
    exported = export_model(made.checkpoint, made.data, folder, no_progress, FP32)
    assert exported.refusals == ["the builder can't parse 'model.fp32.64x128.onnx'"]
    assert contents(folder) == before


def test_the_worst_images_are_shown_the_worst_first(tmp_path: Path) -> None:
    order = [3, 9, 1, 7, 5, 0, 8, 2, 6, 4]
    for part in ('images', 'masks'):
        (tmp_path / part).mkdir()
    for k, tenths in enumerate(order):
        mask = np.zeros((60, 80), np.uint8)
        mask[:, : 8 * tenths] = 1
        cv2.imwrite(str(tmp_path / 'images' / f'{k}.png'), np.zeros((60, 80, 3), np.uint8))
        cv2.imwrite(str(tmp_path / 'masks' / f'{k}.png'), mask)
    blind = np.stack([np.full((8, 8), level, np.uint8) for level in (255, 0)])
    pairs = pairs_from_folder(tmp_path)
    jpeg = failures_picture(FakeEngine(blind), pairs, [(0, 0, 0), (255, 0, 0)])
    sheet = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    truths = np.split(sheet[:, 240:480, 2], 5)
    shown = [round(10 * float((truth > 60).mean())) for truth in truths]
    assert shown == [9, 8, 7, 6, 5]
