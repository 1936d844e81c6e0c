"""Measures the shipped models on what they were not trained for; writes docs/models.md's tables.

    python -m docs.models                            tables and pictures, of what was measured
    python -m docs.models highway                    lines and sky of the sample clip: a minute
    python -m docs.models unseen                     tabletops with things of unseen kinds: minutes
    python -m docs.models corruptions LANE GRASP     the models' data folders, spoilt: minutes
    make bench ONLY=precision                        what each precision costs

Knows what is measured and how; the words around the tables are the page's own. What was measured
is in out/models/ and out/bench/; a table whose measurement is not there stays as it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count, islice
import json
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from docs.marked import with_tables
from docs.sweep import UNSEEN
from unet_perception.cli.main import main as command
from unet_perception.core.files import replace_file
from unet_perception.core.footage import frames_from_path
from unet_perception.core.frame import U8, frame_from_pixels
from unet_perception.core.line_labels import labelled_lines_from_file
from unet_perception.core.line_scores import LineScores
from unet_perception.core.manifest import Model, model_from_folder
from unet_perception.core.overlay import bgr_table, overlay
from unet_perception.core.paths import model_folder, sample_footage
from unet_perception.core.pipeline import SegmentationPipeline
from unet_perception.core.segmentation_scores import SegmentationScores
from unet_perception.engines import choose_backend, open_engine
from unet_perception.training.dataset import Pair, pairs_from_folder, read_pair
from unet_perception.training.split import split_of_folder

PAGE, OUT = Path(__file__).with_suffix('.md'), Path('out') / 'models'
IMAGES = Path(__file__).parent / 'images'
LABELS = Path(__file__).parents[1] / 'test' / 'data' / 'highway_lines.json'
MODELS, BENCH = ('lane', 'grasp'), Path('out') / 'bench' / 'precision.json'
UNSEEN_IMAGES, UNSEEN_SEED = 400, 1001
SKY = 0.4  # of the highway's rows, from the top: no road is there
WIDTH, COLUMNS = 300, 4  # of the contact sheet

Look = Callable[[U8], U8]


def model_of(name: str) -> Model:
    """Return a shipped model."""
    return model_from_folder(model_folder(name))


def pipelines(model: Model, precision: str = 'fp32') -> Iterator[tuple[str, SegmentationPipeline]]:
    """Yield every operating point by its name, as a node would run it."""
    for point in model.manifest.best_first:
        artifact = model.manifest.artifact(precision, point)
        with open_engine(choose_backend('auto').backend, model, artifact) as engine:
            yield point.name, SegmentationPipeline(engine, model.manifest.resize)


@contextmanager
def best_pipeline(model: Model) -> Iterator[SegmentationPipeline]:
    """Open the best operating point in fp32."""
    for _, pipeline in islice(pipelines(model), 1):
        yield pipeline


def highway() -> list[dict[str, Any]]:
    """Score the lines of the labelled frames, and how much of the sky is called road."""
    model, labels = model_of('lane'), labelled_lines_from_file(LABELS)
    ids = {info.name: info.id for info in model.manifest.classes}
    images = dict(zip(count(), frames_from_path(sample_footage()), strict=False))
    rows = []
    for precision in ('fp32', 'fp16', 'int8'):
        for name, pipeline in pipelines(model, precision):
            scores, sky = LineScores(ignore_above=labels.ignore_above), []
            for number, lines in labels.frames.items():
                mask = pipeline.run(frame_from_pixels(images[number], 'bgr8')).mask
                scores.add(lines, mask == ids['line'])
                above = mask[: round(SKY * len(mask))]
                sky.append(float((above != ids['background']).mean()))
            found = {'recall': scores.recall(), 'precision': scores.precision()}
            rows.append({'file': f'{precision} {name}', **found, 'sky': float(np.mean(sky))})
    return rows


def scored(model: Model, pipeline: SegmentationPipeline, pairs: Sequence[Pair], look: Look) -> Any:
    """Score the pairs, each looked at through `look`, at their own size."""
    scores = SegmentationScores(len(model.manifest.classes), model.manifest.parts)
    for pair in pairs:
        image, truth = read_pair(pair, len(model.manifest.classes))
        result = pipeline.run(frame_from_pixels(look(image), 'rgb8'))
        scores.add(truth, result.mask, result.confidence)
    return scores.result().as_json()


def unseen() -> list[dict[str, Any]]:
    """Score tabletops of the kinds that training left out, in scenes of a seed of their own."""
    model = model_of('grasp')
    with TemporaryDirectory() as name:
        folder = Path(name) / 'unseen'
        options = ('--images', UNSEEN_IMAGES, '--seed', UNSEEN_SEED, '--only', ','.join(UNSEEN))
        words = ('synth', 'tabletop', folder, *options, '--views', 2)
        assert command([str(word) for word in words]) == 0
        pairs = pairs_from_folder(folder)
        return [
            {'point': point, **scored(model, pipeline, pairs, lambda image: image)}
            for point, pipeline in pipelines(model)
        ]


CORRUPTIONS: dict[str, Look] = {
    'none': lambda image: image,
    'dark (x 0.35)': lambda image: _scaled(image, 0.35, 0),
    'bright (x 1.6)': lambda image: _scaled(image, 1.6, 0),
    'fog (60 % white)': lambda image: _scaled(image, 0.4, 0.6 * 235),
    'blur (sigma 3 px)': lambda image: cv2.GaussianBlur(image, (0, 0), 3.0),
    'noise (sigma 25)': lambda image: _noisy(image),
    'JPEG (quality 10)': lambda image: cv2.imdecode(
        cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 10])[1], cv2.IMREAD_COLOR
    ),
    'grey': lambda image: cv2.cvtColor(
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB
    ),
    'blue light': lambda image: _scaled(image, np.array([0.7, 0.9, 1.3]), 0),
}
"""Each as strong as a camera may see it, or stronger; not the training's own."""


def _noisy(image: U8) -> U8:
    noise = np.random.default_rng(0).normal(0, 25, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _scaled(image: U8, gain: Any, offset: float) -> U8:
    return np.clip(image * np.asarray(gain) + offset, 0, 255).astype(np.uint8)


def corruptions(*folders: str) -> dict[str, list[dict[str, Any]]]:
    """Score every other validation image of each model's data, spoilt in each way."""
    found = {}
    for name, folder in zip(MODELS, folders, strict=True):
        model, pairs = model_of(name), split_of_folder(Path(folder)).validation[::2]
        with best_pipeline(model) as pipeline:
            found[name] = [
                {'corruption': title, **scored(model, pipeline, pairs, corrupt)}
                for title, corrupt in CORRUPTIONS.items()
            ]
    return found


MEASUREMENTS: dict[str, Callable[..., Any]] = {
    'highway': highway,
    'unseen': unseen,
    'corruptions': corruptions,
}


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table in Markdown; floats with four digits, None as a dash."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(map(_cell, line))} |' for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return '–'
    return f'{value:.4f}' if isinstance(value, float) else str(value)


def files_table(name: str) -> str:
    """Return size, IoU and loss of every file of a model."""
    manifest = model_of(name).manifest
    names = [info.name for info in manifest.classes]
    entries = manifest.document['artifacts']
    fp32 = {(e['height'], e['width']): e['iou'] for e in entries if e['precision'] == 'fp32'}
    rows = []
    for e in entries:
        reference = fp32[e['height'], e['width']]
        lost = max(a - b for a, b in zip(reference, e['iou'], strict=True))
        title, size = f'{e["precision"]} {e["height"]}x{e["width"]}', f'{e["bytes"] / 1e6:.2f} MB'
        rows.append((title, size, *e['iou'], f'{100 * lost:+.2f}'))
    return table(('file', 'size', *(f'IoU {n}' for n in names), 'points lost, worst class'), rows)


def time_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what each precision costs."""
    head = ('model', 'size', 'backend', 'precision', 'p50 [ms]', 'p95 [ms]', 'of fp32')
    return table(head, [(*(r[k] for k in head[:4]), *_times(r)) for r in rows])


def _times(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return f'{row["p50_ms"]:.1f}', f'{row["p95_ms"]:.1f}', f'{row["ratio_to_fp32"]:.2f}'


def highway_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return line recall and precision, and the sky that is called road."""
    head = ('file', 'line recall', 'line precision', 'sky called road or line')
    return table(head, [(r['file'], r['recall'], r['precision'], r['sky']) for r in rows])


def unseen_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the scores on unseen kinds."""
    head = (
        'size',
        'object IoU',
        'precision',
        'recall',
        'boundary IoU',
        'ECE',
        'ECE near boundaries',
    )
    return table(head, [_object_row(r['point'], r) for r in rows])


def _object_row(title: str, r: Mapping[str, Any]) -> tuple[Any, ...]:
    single = (r['iou'][1], r['precision'][1], r['recall'][1], r['class_boundary_iou'][1])
    return (title, *single, r['ece'], r['ece_boundary'])


def corruption_table(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the scores of one model on spoilt images."""
    names = [info.name for info in model_of(name).manifest.classes]
    head = ('images', *(f'IoU {n}' for n in names), 'ECE')
    return table(head, [(r['corruption'], *r['iou'], r['ece']) for r in rows])


def tables() -> dict[str, str]:
    """Return the tables whose measurement is there, by the name of their mark."""
    found = {f'{name} files': files_table(name) for name in MODELS}
    if BENCH.is_file():
        found['times'] = time_table(json.loads(BENCH.read_text()))
    for name, make in {'highway': highway_table, 'unseen': unseen_table}.items():
        file = OUT / f'{name}.json'
        if file.is_file():
            found[name] = make(json.loads(file.read_text()))
    file = OUT / 'corruptions.json'
    if file.is_file():
        for name, rows in json.loads(file.read_text()).items():
            found[f'{name} spoilt'] = corruption_table(name, rows)
    return found


def contact_sheet() -> U8:
    """Lay frames of the sample clips with their masks beside each other, (H, W, 3) BGR."""
    rows = []
    for name in MODELS:
        model = model_of(name)
        frames = list(frames_from_path(sample_footage(model.manifest.task)))
        places = np.linspace(0, len(frames) - 1, 2 * COLUMNS).astype(int).reshape(2, COLUMNS)
        with best_pipeline(model) as pipeline:
            rows += [np.hstack([tile(model, pipeline, frames[k]) for k in row]) for row in places]
    return np.vstack(rows)


def tile(model: Model, pipeline: SegmentationPipeline, bgr: U8) -> U8:
    """Draw a frame with its mask, (h, WIDTH, 3) BGR."""
    mask = pipeline.run(frame_from_pixels(bgr, 'bgr8')).mask
    drawn = overlay(bgr, mask, bgr_table(model.manifest.colors))
    size = (WIDTH, WIDTH * len(bgr) // bgr.shape[1])
    return cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)


def main(what: str = '', *words: str) -> None:
    """Measure, if asked to; write the page's tables and its picture."""
    if what:
        OUT.mkdir(parents=True, exist_ok=True)
        result = MEASUREMENTS[what](*words)
        replace_file(OUT / f'{what}.json', json.dumps(result, indent=1).encode())
    PAGE.write_text(with_tables(PAGE.read_text(), tables(), 'python -m docs.models'))
    sheet = str(IMAGES / 'models.jpg')
    cv2.imwrite(sheet, contact_sheet(), [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == '__main__':
    main(*sys.argv[1:])
