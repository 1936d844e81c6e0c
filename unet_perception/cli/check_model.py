"""`unet_perception check-model DIR`: tells whether this model folder may be served here.

Knows manifest, engines and golden; changes nothing in the folder.
"""

import argparse
import importlib.util
import json
from pathlib import Path
from typing import Any

from ..core.checksums import SUMS, problems_by_file
from ..core.engine import DEFAULT_OPTIONS, EngineOptions
from ..core.golden import check_golden, golden_of
from ..core.manifest import Artifact, Model, ModelFile, model_from_folder
from ..core.paths import model_folder
from ..engines import ENGINES, available_engines, open_engine
from ..errors import NotBuiltError, UnetPerceptionError
from .progress import Bar

Finding = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `check-model` takes."""
    parser.add_argument('model', help='a model folder, or the name of a shipped model')
    parser.add_argument('--json', action='store_true', help='print the findings as JSON')


def run(options: argparse.Namespace) -> int:
    """Check and report; 0 if every file and every engine present is right, else 1."""
    with Bar(quiet=options.json) as bar:
        how = EngineOptions(may_build=True, on_progress=bar.update)
        findings = findings_about(model_folder(options.model), available_engines(), how)
    is_ok = all(not finding['problem'] for finding in findings)
    absent = [name for name in ENGINES if name not in available_engines()]
    if options.json:
        report = {'ok': is_ok, 'findings': findings, 'engines_absent': absent}
        print(json.dumps(report, indent=2))
    else:
        _print(findings, absent, is_ok)
    return 0 if is_ok else 1


def findings_about(
    folder: Path, backends: list[str], how: EngineOptions = DEFAULT_OPTIONS
) -> list[Finding]:
    """Check a model folder's manifest, files and answer to the golden image on each backend.

    A finding has `check`, `subject` and `problem`, which is empty if all is well; `not_built`
    tells of a file that has to be compiled for this machine first, which `how` forbids.
    """
    sums = _check_sums(folder)
    try:
        model = model_from_folder(folder)
    except UnetPerceptionError as exc:
        return [_finding('manifest', str(folder), str(exc)), *sums]
    schema = model.manifest.document['schema']
    findings = [_finding('manifest', str(folder), '', schema=schema), *sums]
    findings += [_check_file(model, file) for file in model.files()]
    if importlib.util.find_spec('onnx'):
        findings += [_check_precision(model, artifact) for artifact in model.manifest.artifacts]
    findings += [
        _check_engine(model, artifact, backend, how)
        for backend in backends
        for artifact in model.manifest.artifacts
    ]
    if not backends:
        lacks = '; '.join(entry.lacks() for entry in ENGINES.values())
        findings.append(_finding('engine', 'none', f'no engine to prove it on: {lacks}'))
    return findings


def _finding(check: str, subject: str, problem: str, **details: Any) -> Finding:
    return {'check': check, 'subject': subject, 'problem': problem, **details}


def _check_sums(folder: Path) -> list[Finding]:
    """Compare every file of the folder with SHA256SUMS."""
    try:
        problems = problems_by_file(folder)
    except UnetPerceptionError as exc:
        return [_finding('sums', SUMS, str(exc))]
    return [
        _finding('sums', name, f'{str(folder / name)!r} {problem}' if problem else '')
        for name, problem in problems.items()
    ]


def _check_file(model: Model, file: ModelFile) -> Finding:
    try:
        model.read(file)
    except UnetPerceptionError as exc:
        return _finding('sha256', file.file, str(exc))
    return _finding('sha256', file.file, '', sha256=file.sha256)


def _check_precision(model: Model, artifact: Artifact) -> Finding:
    """Compare what the file's tensors show with what the manifest says."""
    from ..engines.precision import precision_of_bytes

    subject = artifact.file.file
    try:
        found = precision_of_bytes(model.read(artifact.file), subject)
    except UnetPerceptionError as exc:
        return _finding('tensors', subject, str(exc))
    is_right = found == artifact.precision
    problem = f'its tensors are {found}, the manifest says {artifact.precision}; export it again'
    return _finding('tensors', subject, '' if is_right else problem, precision=found)


def _check_engine(model: Model, artifact: Artifact, backend: str, how: EngineOptions) -> Finding:
    """Open the file on a backend and ask for the golden answer."""
    subject = f'{artifact.file.file} on {backend}'
    point = next(
        point
        for point in model.manifest.operating_points
        if point[:2] == (artifact.height, artifact.width)
    )
    try:
        golden = golden_of(model, point)
        with open_engine(backend, model, artifact, how) as engine:
            iou = check_golden(engine, golden)
    except NotBuiltError as exc:
        return _finding('engine', subject, '', not_built=str(exc))
    except UnetPerceptionError as exc:
        return _finding('engine', subject, str(exc))
    return _finding('engine', subject, '', golden_iou=iou)


def _print(findings: list[Finding], absent: list[str], is_ok: bool) -> None:
    for finding in findings:
        mark = 'FAIL' if finding['problem'] else 'OK  '
        detail = finding['problem']
        if 'golden_iou' in finding:
            detail = 'golden IoU ' + ', '.join(f'{value:.4f}' for value in finding['golden_iou'])
        print(f'{mark} {finding["check"]:8} {finding["subject"]}  {detail}'.rstrip())
    for name in absent:
        print(f'--   engine   {name}: {ENGINES[name].lacks()}')
    print('the model can be served' if is_ok else 'the model must not be served as it is')
