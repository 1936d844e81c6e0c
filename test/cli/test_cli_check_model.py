"""check-model says yes to what was shipped, and no, by name, to anything else."""

from collections.abc import Callable
from hashlib import sha256
import json
from pathlib import Path
import shutil
from typing import Any

from helpers import LANE, SHIPPED, edit_manifest, flip_byte, model_copy
import numpy as np
import pytest

from unet_perception.cli.check_model import findings_about
from unet_perception.cli.main import main
from unet_perception.core.manifest import model_from_folder
from unet_perception.engines import ENGINES, available_engines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return model_copy(tmp_path)


@pytest.fixture
def judge(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Return the exit code and what was printed; nothing goes to stderr, least a traceback."""

    def run(*arguments: str) -> tuple[int, str]:
        code = main(['check-model', *arguments])
        captured = capsys.readouterr()
        assert captured.err == ''
        return code, captured.out

    return run


def other_golden(folder: Path) -> None:
    """Replace the golden by one that is whole, vouched for, and another model's."""
    file = next(folder.glob('golden.256x512.npz'))
    arrays = dict(np.load(file))
    np.savez_compressed(file, image=arrays['image'], probabilities=arrays['probabilities'][::-1])
    vouch_for(folder, file)


def vouch_for(folder: Path, file: Path) -> None:
    content = file.read_bytes()

    def update(document: dict[str, Any]) -> None:
        point, artifact = document['operating_points'][0]['golden'], document['artifacts'][0]
        entry = point if point['file'] == file.name else artifact
        entry.update(bytes=len(content), sha256=sha256(content).hexdigest())

    edit_manifest(folder, update)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def onnx_of(folder: Path) -> Path:
    return next(folder.glob('*.fp32.256x512.onnx'))


def golden_of(folder: Path) -> Path:
    return next(folder.glob('golden.256x512.npz'))


@pytest.mark.parametrize('shipped', SHIPPED, ids=lambda f: f.name)
def test_a_shipped_model_may_be_served(
    shipped: Path, judge: Callable[..., tuple[int, str]]
) -> None:
    code, text = judge(shipped.name)
    assert code == 0
    assert text.splitlines()[-1] == 'the model can be served'
    assert 'FAIL' not in text
    assert all(file.name in text for file in shipped.glob('*.onnx'))


def test_json_holds_a_finding_for_every_file_and_engine(
    judge: Callable[..., tuple[int, str]],
) -> None:
    code, text = judge(str(LANE), '--json')
    report = json.loads(text)
    assert (code, report['ok']) == (0, True)
    assert {finding['problem'] for finding in report['findings']} == {''}
    files = {f['subject'] for f in report['findings'] if f['check'] == 'sha256'}
    assert files == {f.name for f in LANE.iterdir() if f.suffix in ('.onnx', '.npz')}
    summed = {f['subject'] for f in report['findings'] if f['check'] == 'sums'}
    assert summed == {f.name for f in LANE.iterdir()} - {'SHA256SUMS'}
    engines = [f for f in report['findings'] if f['check'] == 'engine']
    artifacts = len(model_from_folder(LANE).manifest.artifacts)
    backends = [f['subject'].split()[-1] for f in engines]
    assert backends == [name for name in available_engines() for _ in range(artifacts)]
    assert all(min(f['golden_iou']) > 0.99 for f in engines if 'fp32' in f['subject'])
    assert set(report['engines_absent']) == set(ENGINES) - set(available_engines())


@pytest.mark.parametrize(
    ('damage', 'named'),
    [
        (lambda f: flip_byte(onnx_of(f)), onnx_of),
        (lambda f: flip_byte(golden_of(f)), golden_of),
        (lambda f: cut(onnx_of(f)), onnx_of),
        (lambda f: cut(golden_of(f)), golden_of),
        (lambda f: onnx_of(f).unlink(), lambda f: onnx_of(LANE)),
        (lambda f: edit_manifest(f, lambda d: d.update(schema=99)), lambda f: f / 'manifest.json'),
        (lambda f: (f / 'manifest.json').unlink(), lambda f: f / 'manifest.json'),
        (lambda f: edit_manifest(f, lambda d: d.update(artifacts=[])), lambda f: f),
        (other_golden, onnx_of),
        (lambda f: (cut(onnx_of(f)), vouch_for(f, onnx_of(f))), onnx_of),
        (lambda f: (cut(golden_of(f)), vouch_for(f, golden_of(f))), golden_of),
    ],
    ids=[
        'flipped model',
        'flipped golden',
        'cut model',
        'cut golden',
        'no model',
        'unknown schema',
        'no manifest',
        'no artifact',
        "another model's golden",
        'cut model, vouched for',
        'cut golden, vouched for',
    ],
)
def test_a_damaged_model_must_not_be_served_and_the_file_is_named(
    folder: Path,
    judge: Callable[..., tuple[int, str]],
    damage: Callable[[Path], object],
    named: Callable[[Path], Path],
) -> None:
    damage(folder)
    code, text = judge(str(folder))
    assert code == 1
    assert text.splitlines()[-1] == 'the model must not be served as it is'
    failures = [line for line in text.splitlines() if line.startswith('FAIL')]
    assert any(named(folder).name in line for line in failures)
    code, text = judge(str(folder), '--json')
    assert (code, json.loads(text)['ok']) == (1, False)


def test_a_damaged_golden_is_the_only_complaint(
    folder: Path, judge: Callable[..., tuple[int, str]]
) -> None:
    """Good files stay good, so that the bad one is found at a glance."""
    flip_byte(golden_of(folder))
    _, text = judge(str(folder), '--json')
    problems = {f['subject']: f['problem'] for f in json.loads(text)['findings']}
    assert problems[onnx_of(folder).name] == ''
    assert 'sha256 differs' in problems[golden_of(folder).name]


def test_checking_changes_nothing(folder: Path, judge: Callable[..., tuple[int, str]]) -> None:
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}
    judge(str(folder))
    assert before == {f: (f.read_bytes(), f.stat().st_mtime_ns) for f in folder.iterdir()}


@pytest.mark.parametrize('name', ['no_such_model', '/no/such/folder', 'x' * 5000])
def test_an_unknown_model_is_a_wrong_request(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['check-model', name]) == 2
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err.count('\n') == 1
    assert f'shipped: {", ".join(f.name for f in SHIPPED)}' in captured.err


def test_an_engine_that_is_not_installed_is_mentioned_not_missed(
    judge: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    present = available_engines()[0]
    monkeypatch.setattr('unet_perception.cli.check_model.available_engines', lambda: [present])
    code, text = judge(LANE.name)
    assert code == 0
    for name in set(ENGINES) - {present}:
        assert f'--   engine   {name}: {ENGINES[name].lacks()}' in text


@pytest.mark.parametrize('shipped', SHIPPED, ids=lambda folder: folder.name)
def test_a_flipped_byte_in_any_file_is_caught_by_name(shipped: Path, tmp_path: Path) -> None:
    for file in sorted(shipped.iterdir()):
        folder = Path(shutil.copytree(shipped, tmp_path / 'model'))
        size = file.stat().st_size
        flip_byte(folder / file.name, position=sum(file.name.encode()) % size)
        wrong = [f for f in findings_about(folder, []) if f['check'] == 'sums' and f['problem']]
        named = {finding['subject'] for finding in wrong}
        if file.name == 'SHA256SUMS':
            assert all('SHA256SUMS' in finding['problem'] for finding in wrong)
        assert named == {file.name} or (named and file.name == 'SHA256SUMS')
        shutil.rmtree(folder)


def test_tensors_that_contradict_the_manifest_are_named(folder: Path) -> None:
    pytest.importorskip('onnx', reason='tensors are read with onnx: pip install onnx')
    shutil.copy(folder / 'model.fp32.256x512.onnx', folder / 'model.fp16.256x512.onnx')

    def vouch(document: dict[str, Any]) -> None:
        content = (folder / 'model.fp16.256x512.onnx').read_bytes()
        (entry,) = [e for e in document['artifacts'] if e['file'] == 'model.fp16.256x512.onnx']
        entry.update(bytes=len(content), sha256=sha256(content).hexdigest())

    edit_manifest(folder, vouch)
    wrong = [f for f in findings_about(folder, []) if f['check'] == 'tensors' and f['problem']]
    assert [finding['subject'] for finding in wrong] == ['model.fp16.256x512.onnx']
    assert 'its tensors are fp32, the manifest says fp16' in wrong[0]['problem']
