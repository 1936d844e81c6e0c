"""The models that are shipped: what stands in them agrees, and TensorRT reads their files."""

import json
from pathlib import Path

from helpers import ROOT, SHIPPED
import pytest

from unet_perception.core.manifest import model_from_folder
from unet_perception.export.card import card_from_manifest

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
def test_tensorrt_parses_the_file(file: Path) -> None:
    trt = pytest.importorskip('tensorrt_rtx', reason='TensorRT-RTX is not installed')
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    flags = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, builder.logger)
    assert parser.parse(file.read_bytes()), [
        parser.get_error(k).desc() for k in range(parser.num_errors)
    ]
    assert [network.get_input(0).dtype, network.get_output(0).dtype] == [trt.uint8, trt.uint8]


def test_models_are_shipped() -> None:
    assert SHIPPED
    assert FILES
