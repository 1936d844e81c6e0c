"""Writes a model folder: ONNX file, golden, manifest and card, from a checkpoint.

Knows the schema of `core.manifest`; what people must write themselves comes from `about.json`.
"""

from collections.abc import Sequence
import hashlib
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import onnx

from ..core.engine import Engine
from ..core.files import replace_file
from ..core.geometry import Size, letterboxed
from ..core.golden import LEAST_SHARE
from ..core.manifest import MANIFEST, SCHEMA, Artifact, ModelFile, model_from_folder
from ..core.pipeline import SegmentationPipeline
from ..engines import choose_backend, open_engine
from ..errors import DataError, ModelError, RequestError
from ..training.checkpoint import load_checkpoint
from ..training.dataset import Pair, read_pair
from ..training.progress import OnProgress
from ..training.split import Split, sha256_from_split, split_of_folder
from ..training.unet import UNet
from .about import ABOUT, about_from_folder
from .card import card_from_manifest
from .onnx_from_checkpoint import onnx_from_network
from .scoring import Scored, score_pairs
from .wrap import wrap

CARD = 'MODEL_CARD.md'
NEVER_CALIBRATED = 1.0


class Point(NamedTuple):
    """An operating point: its file and its golden."""

    artifact: Artifact
    golden: ModelFile


class Exported(NamedTuple):
    """What an export yielded: scores by size, as in the request."""

    folder: Path
    scores: dict[Size, Scored]


def export_model(
    checkpoint: Path,
    data: Path,
    folder: Path,
    on_progress: OnProgress,
    sizes: Sequence[Size] = (),
) -> Exported:
    """Fill `folder`, which holds `about.json`, and score the result on the validation blocks.

    Each of `sizes` becomes an operating point; without any, the size it was trained at does.
    All is made and scored elsewhere first, so an export that fails leaves `folder` as it was.
    """
    about = about_from_folder(folder)
    network, training = load_checkpoint(checkpoint)
    split = split_of_folder(data)
    if sha256_from_split(split) != training['data_sha256']:
        raise DataError(
            f'{str(data)!r} is not the data that {str(checkpoint)!r} was trained on, so its '
            f'validation images may have been trained on; give the same folder'
        )
    sizes = list(dict.fromkeys(sizes)) or [Size(*training['plan']['size'])]
    for size in sizes:
        network.config.check_size(size)
    with TemporaryDirectory() as scratch:
        scores = _build(Path(scratch), about, network, training, split, sizes, on_progress)
        _publish(Path(scratch), folder)
    return Exported(folder, scores)


def _build(
    folder: Path,
    about: dict[str, Any],
    network: UNet,
    training: dict[str, Any],
    split: Split,
    sizes: Sequence[Size],
    on_progress: OnProgress,
) -> dict[Size, Scored]:
    """Write everything but `about.json` to `folder`, the manifest with the scores of the rest."""
    classes, normalisation = network.config.classes, training['normalisation']
    points: list[Point] = []
    for size in sizes:
        on_progress(f'exporting {size.height}x{size.width}', len(points), len(sizes))
        core = onnx_from_network(network, size)
        graph = wrap(core, **normalisation, temperature=NEVER_CALIBRATED)
        artifact = _write_artifact(folder, graph, size)
        points.append(Point(artifact, _write_golden(folder, artifact, split.validation, classes)))
    document = _document(about, training, points)
    _write(folder, MANIFEST, _json_bytes(document))
    scores = _scores_of(folder, split, classes, on_progress)
    _add_scores(document, list(scores.values()), training['data_sha256'])
    _write(folder, MANIFEST, _json_bytes(document))
    _write(folder, CARD, card_from_manifest(document).encode())
    return scores


def _publish(built: Path, folder: Path) -> None:
    """Put what was built into `folder`, the manifest last; remove what it no longer names."""
    files = sorted(built.iterdir(), key=lambda file: file.name == MANIFEST)
    for file in files:
        replace_file(folder / file.name, file.read_bytes())
    names = {file.name for file in files}
    for old in [*folder.glob('model.*.onnx'), *folder.glob('golden.*.npz')]:
        if old.name not in names:
            old.unlink()


def _write_artifact(folder: Path, graph: onnx.ModelProto, size: Size) -> Artifact:
    name = f'model.fp32.{size.height}x{size.width}.onnx'
    file = _write(folder, name, graph.SerializeToString())
    return Artifact(file, 'fp32', *size)


def _write_golden(folder: Path, artifact: Artifact, pairs: list[Pair], classes: int) -> ModelFile:
    """Store the first validation image in which every class is found, and what is found."""
    with _reference_engine(folder, artifact, classes) as engine:
        for pair in pairs:
            image, _ = read_pair(pair, classes)
            canvas, _ = letterboxed(image, Size(artifact.height, artifact.width))
            probabilities = engine.infer(canvas[None]).probabilities[0]
            ids = probabilities.argmax(0)
            if min(float((ids == k).mean()) for k in range(classes)) >= 2 * LEAST_SHARE:
                stream = io.BytesIO()
                np.savez_compressed(stream, image=canvas, probabilities=probabilities)
                name = f'golden.{artifact.height}x{artifact.width}.npz'
                return _write(folder, name, stream.getvalue())
    raise DataError(
        'the network finds every class in no validation image, and the golden check needs such '
        'an image; train longer'
    )


def _reference_engine(folder: Path, artifact: Artifact, classes: int) -> Engine:
    """Open the file on ONNX Runtime, whose fp32 result is the reference."""
    from ..engines import ort

    content = (folder / artifact.file.file).read_bytes()
    return ort.open_engine(content, artifact, classes, 0)


def _document(
    about: dict[str, Any], training: dict[str, Any], points: Sequence[Point]
) -> dict[str, Any]:
    """Return the manifest without its scores."""
    texts = {name: about[name] for name in ('license', 'attribution')}
    return {
        'schema': SCHEMA,
        **{name: about[name] for name in ('name', 'version', 'task')},
        'classes': training['classes'],
        'input': {'layout': 'NHWC', 'dtype': 'uint8', 'channels': 'rgb', 'resize': 'letterbox'},
        'output': {'kind': 'probabilities', 'layout': 'NCHW', 'dtype': 'uint8'},
        'operating_points': [
            {**_size(artifact), 'scores': {}, 'golden': golden._asdict()}
            for artifact, golden in points
        ],
        'artifacts': [
            {**artifact.file._asdict(), 'precision': artifact.precision, **_size(artifact)}
            for artifact, _ in points
        ],
        'calibration': {
            'temperature': NEVER_CALIBRATED,
            'ece_before': 0.0,
            'ece_after': 0.0,
            'data_sha256': '',
        },
        'scores': {'data': about['data']},
        'training': {k: v for k, v in training.items() if k != 'classes'},
        'about': {name: about[name] for name in ('data', 'limits', 'commands')},
        **texts,
    }


def _size(artifact: Artifact) -> dict[str, int]:
    return {'height': artifact.height, 'width': artifact.width}


def _scores_of(
    folder: Path, split: Split, classes: int, on_progress: OnProgress
) -> dict[Size, Scored]:
    """Score every operating point of the folder just as a node would serve it."""
    try:
        model = model_from_folder(folder)
    except ModelError as exc:  # what else the manifest says is our own
        raise RequestError(f'{ABOUT} makes no valid manifest: {exc.__cause__}') from exc
    total, backend = len(split.validation), choose_backend('auto').backend
    scores = {}
    for artifact in model.manifest.artifacts:
        size = Size(artifact.height, artifact.width)

        def show(done: int, size: Size = size) -> None:
            on_progress(f'scoring {size.height}x{size.width}', done, total)

        with open_engine(backend, model, artifact) as engine:
            pipeline = SegmentationPipeline(engine, model.manifest.resize)
            scores[size] = score_pairs(pipeline, split.validation, classes, show)
    return scores


def _add_scores(document: dict[str, Any], scored: Sequence[Scored], data_sha256: str) -> None:
    """Fill in every operating point's scores, and as the model's own those of the best."""
    best = max(scored, key=lambda each: each.scores.miou)
    document['scores'] |= {**best.as_json(), 'data_sha256': data_sha256}
    ece = document['scores']['ece']
    document['calibration'] |= {'ece_before': ece, 'ece_after': ece}
    names = [entry['name'] for entry in document['classes']]
    for point, each in zip(document['operating_points'], scored, strict=True):
        point['scores'] = each.of_point(names)


def _write(folder: Path, name: str, content: bytes) -> ModelFile:
    (folder / name).write_bytes(content)
    return ModelFile(name, hashlib.sha256(content).hexdigest(), len(content))


def _json_bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b'\n'
