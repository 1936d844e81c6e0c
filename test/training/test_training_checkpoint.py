"""Checkpoints: whole or not there, rebuilt exactly, and a mistake named in one line."""

from collections.abc import Callable
import errno
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

import torch

from unet_perception.core import files
from unet_perception.errors import DataError, RequestError
from unet_perception.training.checkpoint import (
    CONFIG,
    STATE,
    WEIGHTS,
    load_checkpoint,
    load_state,
    save_checkpoint,
    save_state,
)
from unet_perception.training.family import UNetConfig
from unet_perception.training.unet import UNet

torch.set_num_threads(1)
CONFIGURATION = UNetConfig(2, widths=(8, 16, 24))
RECORD: dict[str, Any] = {
    'plan': {'size': [64, 128]},
    'classes': [
        {'id': 0, 'name': 'a', 'color': [0, 0, 0]},
        {'id': 1, 'name': 'b', 'color': [1, 2, 3]},
    ],
    'data_sha256': '0' * 64,
    'normalisation': {'mean': [1.0, 2.0, 3.0], 'std': [1.0, 1.0, 1.0]},
    'epochs_done': 1,
}
SECOND = {**RECORD, 'epochs_done': 2}


def weights_of(folder: Path) -> Path:
    (file,) = folder.glob(WEIGHTS)
    return file


def network(seed: int = 0) -> UNet:
    torch.manual_seed(seed)
    return UNet(CONFIGURATION)


def test_a_loaded_network_answers_as_the_saved_one(tmp_path: Path) -> None:
    saved = network()
    saved(torch.randn(4, 3, 64, 128))  # moves the batch statistics
    save_checkpoint(tmp_path, saved, RECORD)
    loaded, training = load_checkpoint(tmp_path)
    image = torch.randn(1, 3, 64, 128)
    assert torch.equal(loaded(image), saved.eval()(image))
    assert (training, loaded.config, loaded.training) == (RECORD, CONFIGURATION, False)


def test_the_next_checkpoint_takes_the_place_of_the_last(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, network(0), RECORD)
    first = weights_of(tmp_path)
    save_checkpoint(tmp_path, network(1), SECOND)
    assert weights_of(tmp_path) != first
    assert load_checkpoint(tmp_path)[1] == SECOND


@pytest.mark.parametrize('fails_at', [1, 2])
def test_a_full_disk_leaves_the_last_checkpoint_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    save_checkpoint(tmp_path, network(0), RECORD)
    writes = 0

    def full(handle: int) -> None:
        nonlocal writes
        writes += 1
        if writes == fails_at:
            raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(files.os, 'fsync', full)
    with pytest.raises(RequestError, match=r'No space left on device.*give the same'):
        save_checkpoint(tmp_path, network(1), SECOND)
    loaded, training = load_checkpoint(tmp_path)
    assert training == RECORD
    image = torch.randn(1, 3, 64, 128)
    assert torch.equal(loaded(image), network(0).eval()(image))


def edit(**values: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        document = json.loads((folder / CONFIG).read_text())
        document['unet'] |= values
        (folder / CONFIG).write_text(json.dumps(document))

    return damage


def record(**values: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        document = json.loads((folder / CONFIG).read_text())
        document['training'] |= values
        (folder / CONFIG).write_text(json.dumps(document))

    return damage


def truncate(folder: Path) -> None:
    file = weights_of(folder)
    file.write_bytes(file.read_bytes()[:-100])


def flip(folder: Path) -> None:
    file = weights_of(folder)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def elsewhere(folder: Path) -> None:
    document = json.loads((folder / CONFIG).read_text())
    document['weights'] = '../../etc/passwd'
    (folder / CONFIG).write_text(json.dumps(document))


DAMAGES: dict[str, Callable[[Path], object]] = {
    'truncated': truncate,
    'a flipped bit': flip,
    'empty': lambda folder: weights_of(folder).write_bytes(b''),
    'no weights': lambda folder: weights_of(folder).unlink(),
    'weights elsewhere': elsewhere,
    'no config': lambda folder: (folder / CONFIG).unlink(),
    'not JSON': lambda folder: (folder / CONFIG).write_text('{'),
    'not an object': lambda folder: (folder / CONFIG).write_text('[1]'),
    'no network': lambda folder: (folder / CONFIG).write_text('{"training": {}}'),
    'no record': lambda folder: (folder / CONFIG).write_text(
        json.dumps({'unet': CONFIGURATION.as_dict()})
    ),
    'other widths': edit(widths=[8, 16, 32]),
    'more levels': edit(widths=[8, 16, 24, 32]),
    'other classes': edit(classes=3),
    'impossible classes': edit(classes=99),
    'unknown field': edit(depth=4),
    'endless': lambda folder: (folder / CONFIG).write_text('[' * 100_000),
    'no plan': record(plan=None),
    'no size': record(plan={'size': 'large'}),
    'no classes': record(classes=7),
    'no normalisation': record(normalisation={'mean': 'a', 'std': [1, 1, 1]}),
    'no version of data': record(epochs_done='soon'),
}


@pytest.mark.parametrize('damage', DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_refused_in_one_line(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    save_checkpoint(tmp_path, network(), RECORD)
    damage(tmp_path)
    with pytest.raises(DataError) as refusal:
        load_checkpoint(tmp_path)
    assert str(tmp_path) in str(refusal.value)
    assert '\n' not in str(refusal.value)


def test_a_state_survives_the_file(tmp_path: Path) -> None:
    tensors = {'a': torch.randn(3, 4), 'b.c': torch.tensor(7)}
    save_state(tmp_path, tensors, {'epoch': 3, 'losses': [0.1]})
    stored = load_state(tmp_path)
    assert stored is not None
    assert stored[1] == {'epoch': 3, 'losses': [0.1]}
    assert all(torch.equal(stored[0][name], tensor) for name, tensor in tensors.items())


def test_a_checkpoint_without_its_state_is_not_overwritten(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, network(), RECORD)
    with pytest.raises(RequestError, match=r'holds a checkpoint, but no state\.safetensors'):
        load_state(tmp_path)


def test_without_a_state_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None


@pytest.mark.parametrize('content', [b'', b'no tensors', b'\x08\0\0\0\0\0\0\0{}      '])
def test_a_damaged_state_is_named_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(DataError, match=r'state\.safetensors.* damaged .*remove it') as refusal:
        load_state(tmp_path)
    assert '\n' not in str(refusal.value)
