"""Verbs are found, errors are one sentence, and exit codes mean what they say."""

import argparse
from collections.abc import Callable
import os
from pathlib import Path
import re
import subprocess
import sys

from helpers import run_python
import pytest

import unet_perception
from unet_perception.cli import check_model
from unet_perception.cli.main import VERBS, main
from unet_perception.errors import GoldenError, UnetPerceptionError

Act = Callable[[argparse.Namespace], int]
WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from unet_perception.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def check_model_does(monkeypatch: pytest.MonkeyPatch) -> Callable[[Act], None]:
    """Replace what the verb check-model does."""
    return lambda act: monkeypatch.setattr(check_model, 'run', act)


def exit_code(*arguments: str) -> int:
    try:
        return main(list(arguments))
    except SystemExit as exc:
        return int(exc.code or 0)


def raising(error: BaseException) -> Act:
    def act(_: argparse.Namespace) -> int:
        raise error

    return act


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code('--help') == 0
    text = capsys.readouterr().out
    assert re.findall(r'^    (\S+)', text, re.MULTILINE) == list(VERBS)


@pytest.mark.parametrize('verb', VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    if verb in ('train', 'export'):
        for library in ('torch', 'onnx', 'safetensors'):
            pytest.importorskip(library)
    assert exit_code(verb, '--help') == 0
    text = capsys.readouterr().out
    assert text.startswith(f'usage: unet_perception {verb}')
    assert VERBS[verb][1:20] in ' '.join(text.split())
    assert '--json' in text


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code('--version') == 0
    assert capsys.readouterr().out == f'{unet_perception.__version__}\n'


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        ([], 'arguments are required: VERB'),
        (['segment'], "invalid choice: 'segment'"),
        (['check-model'], 'arguments are required: model'),
        (['check-model', 'x', '--no-such-option'], 'unrecognized arguments: --no-such-option'),
        (['check_model', 'x'], 'invalid choice'),
    ],
)
def test_a_wrong_request_ends_with_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(*arguments) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ('error', 'code', 'sentence'),
    [
        (UnetPerceptionError('what; cure'), 2, 'unet_perception check-model: what; cure\n'),
        (GoldenError('not the model'), 2, 'unet_perception check-model: not the model\n'),
        (
            PermissionError(13, 'Permission denied', '/root/x'),
            2,
            "unet_perception check-model: [Errno 13] Permission denied: '/root/x'\n",
        ),
        (KeyboardInterrupt(), 130, '\nunet_perception check-model: interrupted\n'),
    ],
)
def test_an_error_is_one_sentence(
    check_model_does: Callable[[Act], None],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    sentence: str,
) -> None:
    check_model_does(raising(error))
    assert exit_code('check-model', 'x') == code
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize('code', [0, 1])
def test_a_verbs_answer_is_the_exit_code(
    check_model_does: Callable[[Act], None], code: int
) -> None:
    check_model_does(lambda _: code)
    assert exit_code('check-model', 'x') == code


def test_our_own_mistakes_are_not_hidden(check_model_does: Callable[[Act], None]) -> None:
    check_model_does(raising(AssertionError('a bug')))
    with pytest.raises(AssertionError, match='a bug'):
        main(['check-model', 'x'])


@pytest.mark.parametrize(
    ('library', 'arguments'),
    [
        ('torch', ['train', 'data', 'out']),
        ('safetensors', ['train', 'data', 'out']),
        ('torch', ['export', 'checkpoint', 'data', 'model']),
        ('onnx', ['export', 'checkpoint', 'data', 'model']),
    ],
)
def test_a_missing_library_is_named_with_its_cure(library: str, arguments: list[str]) -> None:
    for other in {'torch', 'onnx', 'safetensors'} - {library}:
        pytest.importorskip(other)
    result = run_python(WITHOUT, library, *arguments)
    assert result.returncode == 2
    assert result.stderr == (
        f"unet_perception {arguments[0]}: {library} is missing; pip install '.[train]' in the "
        'source folder\n'
    )


@pytest.mark.parametrize('verb', ['check-model', 'train', 'export', 'demo'])
def test_help_needs_nothing_that_training_needs(verb: str) -> None:
    result = run_python(WITHOUT, 'torch', verb, '--help')
    assert (result.returncode, result.stderr) == (0, '')


def test_the_module_and_the_command_are_one() -> None:
    command = Path(sys.executable).with_name('unet_perception')
    if not command.exists():
        pytest.skip('the package is not installed in this environment')
    module = [sys.executable, '-m', 'unet_perception']
    results = [
        subprocess.run([*start, '--help'], capture_output=True, check=False, env=os.environ)
        for start in (module, [str(command)])
    ]
    assert {result.returncode for result in results} == {0}
    assert results[0].stdout == results[1].stdout
