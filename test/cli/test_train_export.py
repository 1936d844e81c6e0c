"""The verbs `train` and `export`: what they print, and how they refuse."""

from importlib.util import find_spec
import json
import os
from pathlib import Path
import re
import subprocess
import sys

from helpers import run_python
import pytest
from toy import CLASSES, write_about, write_toy

from unet_perception.cli.main import main
from unet_perception.core.geometry import Size
from unet_perception.core.manifest import model_from_folder

WITHOUT_TORCH = """
import sys
sys.modules['torch'] = None
from unet_perception.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cure = "torch is not installed: pip install '.[train]'"
    pytest.importorskip('torch', reason=cure).set_num_threads(1)
    return write_toy(tmp_path_factory.mktemp('data') / 'toy')


@pytest.fixture(scope='module')
def checkpoint(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from unet_perception.training.family import UNetConfig
    from unet_perception.training.plan import TrainingPlan
    from unet_perception.training.trainer import train

    network, out = UNetConfig(CLASSES, (8, 16, 24)), tmp_path_factory.mktemp('checkpoint')
    plan = TrainingPlan(network, Size(64, 128), epochs=2, batch=2, learning_rate=2e-2)
    train(data, out, plan, lambda report: None)
    return out


def unet_perception(*words: object) -> 'subprocess.CompletedProcess[str]':
    command = [sys.executable, '-m', 'unet_perception', *map(str, words)]
    alone = {**os.environ, 'OMP_NUM_THREADS': '1'}
    return subprocess.run(
        command, env=alone, capture_output=True, text=True, timeout=120, check=False
    )


def test_train_prints_a_json_line_per_epoch(data: Path, tmp_path: Path) -> None:
    done = unet_perception(
        'train', data, tmp_path / 'out', '--epochs', 1, '--size', 64, 128, '--json'
    )
    assert (done.returncode, done.stderr) == (0, '')
    (report,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (report['epoch'], report['epochs']) == (1, 1)
    assert 0 < report['miou'] < 1
    assert set(report['iou']) == {'ground', 'disc'}
    assert (tmp_path / 'out' / 'checkpoint.json').is_file()


def test_options_go_before_the_config_s_values(data: Path, tmp_path: Path) -> None:
    config = tmp_path / 'plan.yaml'
    config.write_text('{epochs: 7, seed: 3, size: [32, 64], unet: {widths: [8, 8, 8]}}')
    words = ['train', str(data), str(tmp_path / 'out'), '--config', str(config), '--epochs', '1']
    assert main(words) == 0
    record = json.loads((tmp_path / 'out' / 'checkpoint.json').read_text())
    plan = record['training']['plan']
    assert (plan['epochs'], plan['seed'], plan['size']) == (1, 3, [32, 64])
    assert record['unet']['widths'] == [8, 8, 8]


def test_warnings_go_to_stderr(data: Path, tmp_path: Path) -> None:
    config = tmp_path / 'plan.yaml'
    config.write_text('{epochs: 1, size: [32, 64], learning_rate: 1.0e-8, ema_decay: 0.5}')
    done = unet_perception('train', data, tmp_path / 'out', '--config', config, '--seed', 1)
    assert done.returncode == 0
    collapsed = [f"class '{name}' collapsed" in done.stderr for name in ('ground', 'disc')]
    report = re.search(r'ground (0\.\d+), disc (0\.\d+)', done.stdout)
    assert report
    assert collapsed == [float(report[1]) == 0.0, float(report[2]) == 0.0]


def test_export_prints_the_scores_that_the_manifest_holds(
    data: Path, checkpoint: Path, tmp_path: Path
) -> None:
    words = (checkpoint, data, write_about(tmp_path))
    done = unet_perception('export', *words, '--precisions', 'fp32', '--json')
    assert done.returncode == 0, done.stderr
    model = model_from_folder(tmp_path)
    told = json.loads(done.stdout)
    assert list(told['scores']) == ['64x128']
    assert told['scores']['64x128'].items() <= model.manifest.document['scores'].items()
    (file,) = told['files']
    assert (file, told['files'][file]['refusal']) == ('model.fp32.64x128.onnx', '')
    assert all(model.read(file) for file in model.files())


def test_without_json_both_verbs_say_what_came_of_it(
    data: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(['train', str(data), str(tmp_path / 'out'), '--epochs', '1', '--size', '32', '64'])
    assert re.search(
        r'^epoch 1 of 1: loss .*mIoU .*, best so far\n.*the checkpoint of epoch 1, mIoU ',
        capsys.readouterr().out,
    )
    words = ['export', str(checkpoint), str(data), str(write_about(tmp_path / 'disc'))]
    main([*words, '--precisions', 'fp32'])
    assert re.search(
        r'disc\n  64x128: mIoU 0\.\d{4}, ECE 0\.\d{4}\n'
        r'  model.fp32.64x128.onnx: 0\.\d\d MB, IoU 0',
        capsys.readouterr().out,
    )


def test_sizes_are_read_and_a_wrong_one_is_told_how_to_be_written(
    data: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['export', str(checkpoint), str(data), str(write_about(tmp_path / 'disc'))]
    main([*words, '--sizes', '64x128,32x64', '--precisions', 'fp32'])
    assert re.search(r'  64x128: mIoU .*\n  32x64: mIoU ', capsys.readouterr().out)
    with pytest.raises(SystemExit, match='2'):
        main([*words, '--sizes', '64,128'])
    assert "'64' is no size; write height x width, as in 256x512" in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        main([*words, '--precisions', 'fp32,fp8'])
    assert "'fp8' is none of fp32, fp16, int8" in capsys.readouterr().err


def test_a_refused_file_ends_with_1_and_a_sentence(
    data: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from unet_perception.export import trial

    monkeypatch.setattr(trial, 'MOST_LOSS', -2.0)
    words = ['export', str(checkpoint), str(data), str(write_about(tmp_path / 'disc'))]
    assert main([*words, '--precisions', 'fp32,fp16']) == 1
    out, err = capsys.readouterr()
    assert out.startswith('refused; nothing was published\n')
    assert re.search(
        "^unet_perception export: model.fp16.64x128.onnx: class '.*' loses .*", err, re.M
    )
    assert [file.name for file in (tmp_path / 'disc').iterdir()] == ['about.json']


def test_without_torch_the_cure_is_named() -> None:
    done = run_python(WITHOUT_TORCH, 'train', 'data', 'out')
    cure = "torch is missing; pip install '.[train]' in the source folder"
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr == f'unet_perception train: {cure}\n'


@pytest.mark.usefixtures('data')
def test_a_wrong_request_ends_the_process_with_one_sentence(tmp_path: Path) -> None:
    done = unet_perception('train', tmp_path / 'nowhere', tmp_path / 'out')
    assert (done.returncode, done.stdout) == (2, '')
    assert re.fullmatch(
        r"unet_perception train: '.*nowhere/classes.yaml' is missing; write one: .*\n", done.stderr
    )
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('options', 'complaint'),
    [
        ('--epochs 0', 'epochs must be a whole number of at least 1'),
        ('--epochs -3', 'epochs must be a whole number of at least 1'),
        ('--batch 1', 'batch must be a whole number of at least 2'),
        ('--batch 99', 'do not fill a batch of 99'),
        ('--seed -1', 'seed must be a whole number of at least 0'),
        ('--config nowhere.yaml', 'nowhere.yaml.* No such file'),
        ('--size 100 100', '100x100 .* not divisible by 32; try 128x128'),
        ('--size 0 128', r'size must be 8 to 4096 pixels a side, not \[0, 128\]'),
    ],
)
def test_train_refuses_with_one_sentence(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, complaint: str
) -> None:
    assert main(['train', str(data), str(tmp_path / 'out'), *options.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ''
    assert re.fullmatch(f'unet_perception train: .*{complaint}.*\n', err)


def test_train_refuses_a_folder_that_is_a_file(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'out').write_text('mine')
    assert main(['train', str(data), str(tmp_path / 'out')]) == 2
    assert re.fullmatch("unet_perception train: .*out.* can't .*\n", capsys.readouterr().err)
    assert (tmp_path / 'out').read_text() == 'mine'


@pytest.mark.parametrize(
    ('changes', 'complaint'),
    [
        ({'name': ''}, "about.json': name '' is not a short text"),
    ],
)
def test_export_refuses_with_a_sentence_on_a_line_of_its_own(
    data: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict,
    complaint: str,
) -> None:
    folder = write_about(tmp_path, **changes)
    assert main(['export', str(checkpoint), str(data), str(folder)]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.fullmatch(f'unet_perception export: .*{complaint}.*', last)


def test_export_refuses_what_is_no_checkpoint(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['export', str(data), str(data), str(write_about(tmp_path))]) == 2
    assert 'is not a checkpoint of this package' in capsys.readouterr().err


TABLES = """
unet: {widths: [16, 32, 64, 96]}
size: [96, 128]
epochs: 8
batch: 4
learning_rate: 0.005
ema_decay: 0.9
augmentation: {zoom: [1.0, 1.6], light: 0.5}
"""


@pytest.mark.usefixtures('data')
def test_from_nothing_to_a_network_that_has_learnt(tmp_path: Path) -> None:
    if find_spec('mujoco') is None:  # to import it here would settle how it renders elsewhere
        pytest.skip("mujoco is not installed: pip install '.[train]'")
    tables, out, config = tmp_path / 'tables', tmp_path / 'out', tmp_path / 'plan.yaml'
    config.write_text(TABLES)
    drawn = unet_perception('synth', 'tabletop', tables, '--images', 40, '--size', 96, 128)
    if 'OpenGL' in drawn.stderr:
        pytest.skip(drawn.stderr)
    assert drawn.returncode == 0, drawn.stderr
    checked = unet_perception('check-data', tables, '--json')
    assert checked.returncode == 0, checked.stderr
    trained = unet_perception('train', tables, out, '--config', config, '--json')
    assert trained.returncode == 0, trained.stderr
    background = json.loads(checked.stdout)['shares']['validation']['background']
    constant = max(background, 1 - background) / 2  # the other class has IoU 0
    best = max(json.loads(line)['miou'] for line in trained.stdout.splitlines())
    assert best > constant + 0.2
