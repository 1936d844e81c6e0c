"""The models that are shipped: what stands in them agrees, and TensorRT builds their files."""

import ast
import json
from pathlib import Path

from helpers import ROOT, SHIPPED
import pytest

from unet_perception.core.manifest import model_from_folder
from unet_perception.export.card import card_from_manifest

pytest.importorskip('onnx', reason="onnx is not installed: pip install '.[train]'")

import onnx

from unet_perception.engines.precision import precision_of
from unet_perception.export.tensorrt_build import trial_plan

FILES = sorted((ROOT / 'models').glob('*/**/*.onnx'))


@pytest.mark.parametrize('folder', SHIPPED, ids=lambda folder: folder.name)
def test_the_card_is_that_of_the_manifest(folder: Path) -> None:
    document = model_from_folder(folder).manifest.document
    assert (folder / 'MODEL_CARD.md').read_text(encoding='utf-8') == card_from_manifest(document)


@pytest.mark.parametrize('folder', SHIPPED, ids=lambda folder: folder.name)
def test_the_manifest_repeats_what_people_wrote(folder: Path) -> None:
    about = json.loads((folder / 'about.json').read_text(encoding='utf-8'))
    document = model_from_folder(folder).manifest.document
    assert {**document, **document['about'], **about} == {**document, **document['about']}


@pytest.mark.parametrize('file', FILES, ids=lambda file: f'{file.parent.name}/{file.name}')
def test_tensorrt_builds_the_file(file: Path) -> None:
    pytest.importorskip('tensorrt_rtx', reason='TensorRT for RTX is not installed')
    plan = trial_plan(file.read_bytes(), file.name, 'uint8')
    assert plan is not None
    entries = model_from_folder(file.parent).manifest.document['artifacts']
    (told,) = [entry['tensorrt'] for entry in entries if entry['file'] == file.name]
    if plan.builder == told['builder']:
        assert plan.size == pytest.approx(told['size'], rel=0.05)


@pytest.mark.parametrize('file', FILES, ids=lambda file: f'{file.parent.name}/{file.name}')
def test_a_file_is_of_the_precision_in_its_name(file: Path) -> None:
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    assert precision_of(model) == file.name.split('.')[1]


@pytest.mark.parametrize('folder', SHIPPED, ids=lambda folder: folder.name)
def test_three_points_in_three_precisions_none_of_which_lost_a_point(folder: Path) -> None:
    manifest = model_from_folder(folder).manifest
    entries = manifest.document['artifacts']
    assert len(manifest.operating_points) == 3
    assert len(entries) == 9
    for fp32, *others in (entries[k : k + 3] for k in (0, 3, 6)):
        assert [fp32['precision'], *(e['precision'] for e in others)] == ['fp32', 'fp16', 'int8']
        for other in others:
            assert max(a - b for a, b in zip(fp32['iou'], other['iou'], strict=True)) <= 0.01


@pytest.mark.parametrize('folder', SHIPPED, ids=lambda folder: folder.name)
def test_the_confidence_is_calibrated_and_the_reference_is_there(folder: Path) -> None:
    document = model_from_folder(folder).manifest.document
    assert document['calibration']['data_sha256']
    names = {f'share_{entry["name"]}' for entry in document['classes']}
    assert names | {'brightness', 'contrast', 'saturation', 'sharpness'} <= set(
        document['reference']['statistics']
    )


def test_models_are_shipped() -> None:
    assert SHIPPED
    assert FILES


def test_the_sample_tabletop_shows_what_the_grasp_model_never_saw() -> None:
    tree = ast.parse((ROOT / 'docs' / 'sweep.py').read_text())
    named = {
        n.targets[0].id: n.value
        for n in tree.body
        if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)
    }
    unseen = ','.join(ast.literal_eval(named['UNSEEN']))
    command = json.loads((ROOT / 'models' / 'grasp' / 'about.json').read_text())['commands'][0]
    assert command.endswith(f'--without {unseen}')


@pytest.mark.parametrize('folder', SHIPPED, ids=lambda folder: folder.name)
def test_the_plan_of_the_training_is_the_one_that_is_shipped(folder: Path) -> None:
    yaml = pytest.importorskip('yaml')
    said = yaml.safe_load((folder / 'training.yaml').read_text())
    training = model_from_folder(folder).manifest.document['training']
    plan = {**training['plan'], 'unet': training['unet']}
    nested = [name for name, value in said.items() if isinstance(value, dict)]
    for name in nested:
        assert said[name].items() <= plan[name].items()
    assert {k: v for k, v in said.items() if k not in nested}.items() <= plan.items()
