"""One file on the GPU: built, proved, timed with and without a graph, opened again.

Knows what is tried and in which order; not which files there are, nor how it is reported.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from unet_perception.core.engine import Engine, EngineOptions
from unet_perception.core.frame import U8
from unet_perception.core.golden import LEAST_IOU, check_golden
from unet_perception.core.progress import OnProgress
from unet_perception.engines.tensorrt import Machine

from .gpu_cases import Case
from .gpu_findings import Findings
from .gpu_latency import find_trtexec, latency, trtexec
from .gpu_rig import Rig

MOST_DIFFERENCE = 1
"""Of 255, between the answers of an fp32 file and its twin with the other ends.

Two plans may choose other kernels: of fp16 and int8 it is shown, and their goldens judge.
"""
DRY = 'not measured: a dry run'
Row = dict[str, Any]


class Trial(NamedTuple):
    """What all files are tried with."""

    rig: Rig
    findings: Findings
    runs: int
    on_progress: OnProgress

    def opened(self, machine: Machine, case: Case) -> tuple[Engine, float]:
        """Open a case by the product's own path; return how long it took as well, s."""
        begin = monotonic()
        options = EngineOptions(may_build=True, on_progress=self.on_progress)
        engine = machine.open_engine(case.content, case.artifact, case.classes, options)
        return engine, monotonic() - begin


def try_pair(trial: Trial, shipped: Case, twin: Case, show: Callable[[Row], None]) -> None:
    """Try a file as it is shipped and with the other ends; their answers must be the same."""
    rows, answers = [], []
    for case in (shipped, twin):
        row, answer = try_file(trial, case)
        rows.append(row)
        answers.append(answer)
    if answers[0] is not None and answers[1] is not None:
        difference = int(np.abs(answers[0].astype(int) - answers[1]).max())
        rows[1]['difference'] = difference
        trial.findings.require(
            difference <= MOST_DIFFERENCE or shipped.artifact.precision != 'fp32',
            f'{twin.name}: its answer differs by {difference} of 255 from that of the file with '
            f'{shipped.artifact.io} ends; at most {MOST_DIFFERENCE} is expected',
        )
    for row in rows:
        show(row)


def try_file(trial: Trial, case: Case) -> tuple[Row, U8 | None]:
    """Return a case's figures, and its answer to the golden image if there is one."""
    artifact, part = case.artifact, trial.findings.part
    row: Row = {
        'model': case.model.manifest.name,
        'file': artifact.file.file,
        'precision': artifact.precision,
        'height': artifact.height,
        'width': artifact.width,
        'io': artifact.io,
        'least_iou': LEAST_IOU[artifact.precision],
    }
    answer = None
    with part(f'{case.name}, built and run'):
        answer = _built(trial, case, row)
    if answer is not None:
        with part(f'{case.name}, opened again without a graph'):
            _reopened(trial, case, row)
        with part(f'{case.name}, trtexec'):
            row['trtexec'] = _by_trtexec(trial, case)
    return row, answer


def _built(trial: Trial, case: Case, row: Row) -> U8:
    """Build, prove and time with a graph; return the answer to the golden image."""
    image, findings = case.golden.image[None], trial.findings
    row['memory_before'] = trial.rig.memory()
    engine, row['open_s'] = trial.opened(trial.rig.machine, case)
    with engine:
        row['facts'] = dict(engine.facts)
        row['memory_open'] = trial.rig.memory()
        row['plan_mb'] = _plan_mb(trial, case)
        with findings.part(f'{case.name}, golden'):
            row['golden_iou'] = check_golden(engine, case.golden)
        graph = row['facts']['cuda_graph']
        findings.require(graph == 'yes', f'{case.name}: CUDA graph {graph}')
        row['with_graph'] = latency(engine, image, trial.runs)
        return engine.infer(image).probabilities.copy()


def _reopened(trial: Trial, case: Case, row: Row) -> None:
    """Open the plan that was kept, on a GPU that refuses captures, and time it."""
    engine, row['reopen_s'] = trial.opened(trial.rig.without_graph, case)
    with engine:
        origin = engine.facts['plan']
        trial.findings.require(
            origin.startswith('found'), f'{case.name}: its plan was not kept: {origin}'
        )
        row['without_graph'] = latency(engine, case.golden.image[None], trial.runs)


def _by_trtexec(trial: Trial, case: Case) -> Any:
    if trial.rig.is_dry:
        return DRY
    tool, key = find_trtexec(), _key(trial, case)
    plan = trial.rig.cache.folder / f'{key.name}.plan'
    return trtexec(tool, plan, trial.runs) if tool else 'not installed'


def _plan_mb(trial: Trial, case: Case) -> float | None:
    """Return the size of the plan that is kept; None if none is."""
    key = _key(trial, case)
    sizes = [stored.bytes for stored in trial.rig.cache.plans() if stored.key == key]
    return sizes[0] / 1e6 if sizes else None


def _key(trial: Trial, case: Case) -> Any:
    return trial.rig.machine.key_of(case.content, case.artifact, EngineOptions())
