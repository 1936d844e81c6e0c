"""`python -m bench.gpu_acceptance [MODEL ...]`: proves on a real GPU what no test without one can.

Builds every file of the models for the GPU of this machine, with bytes and with floats at its
ends, holds each against its golden, times it with and without a CUDA graph and beside trtexec,
serves cameras through the node, soaks, and reloads; a failure is noted and the next part tried.
Knows the order of the parts; each has its own file, `gpu_*.py`.

Exit code: 0 all passed, 1 something failed, 2 there is no GPU to use, or no such model. FOLDER
gets `gpu_acceptance.json`, written anew after each file and part, and `gpu_acceptance.html`:

    schema      1
    is_dry      whether all of this is of a stand-in, and says nothing about a GPU
    began       date and time, UTC
    is_finished, passed, problems (sentences)
    machine     texts by name: package, python, system, cores, board, …, library, cuda, gpu
    artifacts   one for each file and type at its ends; what was not reached is missing:
                model, file, precision, height, width, io, least_iou, golden_iou (by class),
                open_s (with the build), reopen_s (from the cache), plan_mb, facts (texts),
                memory_before and memory_open {rss_mb, gpu_used_mb (all processes)},
                with_graph and without_graph {infer_ms, run_ms: {p50, p95, p99, max}},
                difference (of 255, from the answer of the shipped file; only in its twin),
                trtexec {latency, gpu_compute: {p50, p99}}, or why there is none
    node        one for each model and size of camera, or why there is none: model, camera,
                operating_point, hz, counted (images after the first), masks, misses, fps,
                stamp_to_mask_ms {p50, p95, p99, max}, rss_mb, engine (its diagnostics)
    soak        file, seconds, runs, failures, p50_first_ms, p50_last_ms, drift, rss_growth_mb,
                gpu_growth_mb, tenths [{runs, p50_ms, p99_ms, failures, rss_mb, gpu_used_mb,
                temperatures (by thermal zone), is_same (as the first answer)}]
    reload      file, found_open_s, found_plan, spoilt_open_s, spoilt_plan (texts of the engine)
"""

import argparse
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
import json
from pathlib import Path
import sys
from typing import Any, NamedTuple

from unet_perception.cli.progress import Bar
from unet_perception.core.files import replace_file
from unet_perception.core.manifest import Model, OperatingPoint, model_from_folder
from unet_perception.core.paths import model_folder
from unet_perception.errors import UnetPerceptionError
from unet_perception.report.page import write_page

from .gpu_cases import cases, served_case
from .gpu_files import Row, Trial, try_pair
from .gpu_findings import Findings
from .gpu_node import NO_ROS, SIZES, is_ros_here, judge_node, node_row
from .gpu_page import DRY_TITLE, acceptance_page, verdict
from .gpu_rig import Rig, machine_facts, opened_rig
from .gpu_soak import reload, soak

MODELS = ('lane', 'grasp')
SCHEMA = 1
NAME = 'gpu_acceptance'


class Extent(NamedTuple):
    """How much is tried."""

    is_dry: bool
    runs: int
    soak_s: float
    node_s: float
    sizes: Sequence[tuple[int, int]]
    """Width and height of the cameras."""

    def points(self, model: Model) -> list[OperatingPoint]:
        """Return the sizes of a model that are tried: all, or the coarsest in a dry run."""
        return model.manifest.best_first[-1:] if self.is_dry else model.manifest.best_first

    def of_node(self, models: list[Model]) -> list[Model]:
        """Return the models that a node serves: all, or the first in a dry run."""
        return models[:1] if self.is_dry else models


def main(arguments: Sequence[str] | None = None) -> int:
    """Try everything and write both files; see the exit codes above."""
    options = _parser().parse_args(arguments)
    try:
        models = [model_from_folder(model_folder(name)) for name in options.models]
        options.out.mkdir(parents=True, exist_ok=True)
        with opened_rig(options.dry) as rig:
            return 0 if Acceptance(rig, options.out, _extent(options)).run(models) else 1
    except (UnetPerceptionError, OSError) as exc:
        print(f'{NAME}: {exc}', file=sys.stderr)
        return 2


class Acceptance:
    """One run of all parts, and what came of it so far."""

    def __init__(self, rig: Rig, out: Path, extent: Extent) -> None:
        self._rig, self._out, self._extent = rig, out, extent
        self._findings = Findings()
        self._result: dict[str, Any] = {
            'schema': SCHEMA,
            'is_dry': extent.is_dry,
            'began': datetime.now(timezone.utc).isoformat(' ', 'seconds'),
            'is_finished': False,
            'machine': {},
            'artifacts': [],
            'node': [],
            'soak': {},
            'reload': {},
        }

    def run(self, models: list[Model]) -> bool:
        """Try all parts of all models; tell whether all passed. Ctrl-C leaves what there is."""
        with self._findings.part('machine'):
            self._result['machine'] = machine_facts(self._rig)
        try:
            with Bar() as bar:
                self._try_all(models, bar)
            self._result['is_finished'] = True
        except KeyboardInterrupt:
            self._findings.problems.append('interrupted')
        with self._findings.part('page'):
            self._write_page()
        self._save()
        print(verdict(self._result), *self._result['problems'], sep='\n  ')
        print(DRY_TITLE if self._extent.is_dry else f'please send {self._out / NAME}.*')
        return bool(self._result['passed'])

    def _try_all(self, models: list[Model], bar: Bar) -> None:
        trial = Trial(self._rig, self._findings, self._extent.runs, bar.update)
        for model in models:
            with self._findings.part(model.manifest.name):
                self._try_files(trial, model, bar)
        for part, act in (('soak', self._soak), ('reload', self._reload)):
            with self._findings.part(part):
                self._result[part] = act(trial, models[0])
            self._save()
        self._serve(models)
        self._findings.problems.extend(self._rig.faults())

    def _try_files(self, trial: Trial, model: Model, bar: Bar) -> None:
        def show(row: Row) -> None:
            self._result['artifacts'].append(row)
            bar.above(print, line_of(row))

        for shipped, twin in cases(model, self._extent.points(model)):
            try_pair(trial, shipped, twin, show)
            self._save()

    def _soak(self, trial: Trial, model: Model) -> dict[str, Any]:
        return soak(trial, served_case(model, self._extent.points(model)[0]), self._extent.soak_s)

    def _reload(self, trial: Trial, model: Model) -> dict[str, Any]:
        return reload(trial, served_case(model, self._extent.points(model)[0]))

    def _serve(self, models: list[Model]) -> None:
        """Serve cameras of every size by the node, model after model."""
        extent = self._extent
        if not is_ros_here():
            self._result['node'] = NO_ROS
            return
        for model in extent.of_node(models):
            for size in extent.sizes:
                camera = f'{size[0]}x{size[1]}'
                with self._findings.part(f'node, {model.manifest.name} at {camera}'):
                    point = extent.points(model)[0]
                    row = node_row(model, point, size, extent.node_s, extent.is_dry)
                    self._result['node'].append(row)
                    if not extent.is_dry:
                        judge_node(row, self._findings)
                self._save()

    def _save(self) -> None:
        problems = self._findings.problems
        self._result['passed'] = self._result['is_finished'] and not problems
        self._result['problems'] = problems
        content = json.dumps(self._result, indent=2, ensure_ascii=False)
        replace_file(self._out / f'{NAME}.json', content.encode() + b'\n')

    def _write_page(self) -> None:
        self._save()
        write_page(self._out / f'{NAME}.html', acceptance_page(self._result))


def line_of(row: Mapping[str, Any]) -> str:
    """Return what a terminal shows of a file."""
    name = f'{row["model"]} {row["file"]}'
    if 'with_graph' not in row:
        return f'{name}: failed'
    times = row['with_graph']['infer_ms']
    return f'{name}: opened in {row["open_s"]:.1f} s, p50 {times["p50"]:.2f} ms'


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f'python -m bench.{NAME}',
        description='Prove on the GPU of this machine what no test without one can. Most of its '
        'time goes to building: two plans for each file of a model, 36 for the shipped ones.',
    )
    parser.add_argument(
        'models',
        nargs='*',
        default=MODELS,
        metavar='MODEL',
        help='a model folder, or a shipped model; default: all shipped',
    )
    parser.add_argument(
        '--out', type=Path, default=Path('out'), metavar='FOLDER', help='default: out'
    )
    parser.add_argument(
        '--soak', type=float, default=10.0, metavar='MINUTES', help='at full speed; default: 10'
    )
    parser.add_argument(
        '--dry',
        action='store_true',
        help='on a stand-in, for seconds: tries this script, and says nothing about a GPU',
    )
    return parser


def _extent(options: argparse.Namespace) -> Extent:
    if options.dry:
        return Extent(True, runs=3, soak_s=1.0, node_s=3.0, sizes=SIZES[:1])
    return Extent(False, runs=500, soak_s=60 * options.soak, node_s=30.0, sizes=SIZES)


if __name__ == '__main__':
    sys.exit(main())
