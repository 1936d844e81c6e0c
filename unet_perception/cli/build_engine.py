"""`unet_perception build-engine MODEL`: builds TensorRT plans on the machine that will serve them.

Knows the request, the progress bar and what is printed; building, keeping and proving are the
engine's.
"""

import argparse
from collections.abc import Iterator
import json
import sys
from typing import Any

from ..core.engine import EngineOptions
from ..core.golden import check_golden, golden_of
from ..core.manifest import PRECISIONS, Artifact, Model, OperatingPoint, model_from_folder
from ..core.paths import model_folder
from ..engines import choose_backend, choose_precision, open_engine
from ..errors import EngineError, GoldenError, RequestError
from .progress import Bar

EPILOG = """
A plan is built once for each file, GPU, driver and version of TensorRT, which takes minutes on an
embedded GPU, and is kept in ~/.cache/unet_perception/tensorrt (unet_perception doctor lists it).
The node then only loads it. Each plan must give the golden answer, or the exit code is 1.

  unet_perception build-engine lane                        what the node will serve
  unet_perception build-engine lane --precision all        to compare them by check-model
  unet_perception build-engine ./my_model --size 256x512   one operating point

Run it as the user that runs the node: plans are code, so each user has their own.
"""
BACKEND = 'tensorrt'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `build-engine` takes."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument('model', metavar='MODEL', help='a model folder, or a shipped model')
    parser.add_argument(
        '--precision',
        choices=('auto', *PRECISIONS, 'all'),
        default='auto',
        help='default: auto, what the node serves: fp16 if the model has it, else fp32',
    )
    parser.add_argument(
        '--size',
        default='all',
        metavar='HxW',
        help='operating point, height x width (256x512); default: all of the model',
    )
    parser.add_argument(
        '--workspace',
        type=int,
        default=0,
        metavar='MB',
        help='the most GPU memory that one operator may take, as the parameter '
        'engine_workspace_mb of the node, which must be the same; default: no limit',
    )
    parser.add_argument('--json', action='store_true', help='print what was built as JSON')


def run(options: argparse.Namespace) -> int:
    """Build what is not there yet, and prove it; 0 when all can be served, else 1."""
    if options.workspace < 0:
        raise RequestError(f'--workspace must be 0 or more MB, not {options.workspace}')
    model = model_from_folder(model_folder(options.model))
    wanted = list(_wanted(model, options.precision, options.size))
    choose_backend(BACKEND)  # without it, nothing of this makes sense
    reports = []
    with Bar(quiet=options.json) as bar:
        how = EngineOptions(may_build=True, workspace_mb=options.workspace, on_progress=bar.update)
        for artifact, point in wanted:
            report = _built(model, artifact, point, how)
            reports.append(report)
            bar.above((lambda _: None) if options.json else _print, report)
    if options.json:
        print(json.dumps({'plans': reports}, indent=2))
    return 1 if any(report['problem'] for report in reports) else 0


def _wanted(model: Model, precision: str, size: str) -> Iterator[tuple[Artifact, OperatingPoint]]:
    """Yield the files to build, the best size first; RequestError for a size that is none."""
    points = [p for p in model.manifest.best_first if size in ('all', p.name)]
    if not points:
        names = ', '.join(point.name for point in model.manifest.best_first)
        raise RequestError(f'--size must be all or one of {names}, not {size!r}')
    chosen = choose_precision(precision, BACKEND, model)
    made = {artifact.precision for artifact in model.manifest.artifacts}
    for each in [p for p in PRECISIONS if p in made] if precision == 'all' else [chosen]:
        for point in points:
            yield model.manifest.artifact(each, point), point


def _built(
    model: Model, artifact: Artifact, point: OperatingPoint, how: EngineOptions
) -> dict[str, Any]:
    """Open a file on the GPU, which builds its plan; return what it is, or its `problem`."""
    file, golden = artifact.file.file, golden_of(model, point)
    try:
        with open_engine(BACKEND, model, artifact, how) as engine:
            iou = check_golden(engine, golden)
            return {'file': file, 'problem': '', 'golden_iou': iou, **engine.facts}
    except (EngineError, GoldenError) as exc:
        return {'file': file, 'problem': str(exc)}


def _print(report: dict[str, Any]) -> None:
    if report['problem']:
        print(f'unet_perception build-engine: {report["problem"]}', file=sys.stderr)
        return
    print(
        f'{report["file"]}: {report["plan"]}\n'
        f'  golden IoU {min(report["golden_iou"]):.4f}, memory {report["memory"]}, '
        f'CUDA graph {report["cuda_graph"]}',
        flush=True,
    )
