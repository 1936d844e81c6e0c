"""A checkpoint is weights (safetensors) beside a JSON config; one function rebuilds the network.

Knows files; not training. No pickle is read or written, and every change is one rename: what is
there after a kill or on a full disk is the last checkpoint, whole.
"""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from ..core.files import replace_file
from ..errors import DataError, RequestError
from .family import config_from_dict
from .record import checked_record
from .unet import UNet

CONFIG, WEIGHTS = 'checkpoint.json', 'weights.*.safetensors'
STATE = 'state.safetensors'
NONSENSE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading values that may be anything can end with."""


def make_folder(folder: Path) -> None:
    """Create `folder` where there is none; RequestError if no file can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as exc:
        raise RequestError(f"{str(folder)!r} can't hold a checkpoint: {exc.strerror}") from exc


def save_checkpoint(folder: Path, network: UNet, training: dict[str, Any]) -> None:
    """Write `network` and what is known of its `training`.

    The weights' file is named after their hash and the config names it, so that both change at
    once. RequestError if the disk is full.
    """
    weights = safetensors.torch.save(_tensors(network.state_dict()))
    name = WEIGHTS.replace('*', hashlib.sha256(weights).hexdigest()[:16])
    values = {'unet': network.config.as_dict(), 'weights': name, 'training': training}
    _write(folder / name, weights)
    _write(folder / CONFIG, json.dumps(values, indent=2).encode())
    for old in folder.glob(WEIGHTS):
        if old.name != name:
            old.unlink()


def load_checkpoint(folder: Path) -> tuple[UNet, dict[str, Any]]:
    """Rebuild the network and return it with its training record; DataError if it can't be."""
    try:
        values = json.loads((folder / CONFIG).read_text())
        network = UNet(config_from_dict(values['unet']))
        training = checked_record(values['training'], values['unet'])
        file = folder / Path(values['weights']).name
        weights = file.read_bytes()
    except (*NONSENSE, RequestError) as exc:
        raise DataError(f'{str(folder)!r} is not a checkpoint of this package: {exc}') from exc
    if hashlib.sha256(weights).hexdigest()[:16] not in file.name:
        raise DataError(f'{str(file)!r} is damaged: its hash differs; train again')
    try:
        network.load_state_dict(safetensors.torch.load(weights))
    except safetensors.SafetensorError as exc:
        raise DataError(f'{str(file)!r} is damaged: {exc}; train again') from exc
    except RuntimeError as exc:  # its message lists every tensor
        raise DataError(
            f'{str(file)!r} holds the weights of another network than {CONFIG} says; train again'
        ) from exc
    return network.eval(), training


def weights_of_folder(folder: Path) -> str:
    """Return the name of the checkpoint's weights, which is new whenever they are; DataError."""
    try:
        return str(json.loads((folder / CONFIG).read_text())['weights'])
    except NONSENSE as exc:
        raise DataError(f'{str(folder)!r} is not a checkpoint of this package: {exc}') from exc


def save_state(folder: Path, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    """Write all that a run needs to go on, as one file; RequestError if the disk is full."""
    content = safetensors.torch.save(_tensors(tensors), {'values': json.dumps(values)})
    _write(folder / STATE, content)


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read what `save_state` wrote; None if the folder is new.

    DataError if it is damaged, RequestError if a checkpoint lies there without it.
    """
    file = folder / STATE
    if not file.is_file():
        if (folder / CONFIG).exists():
            raise RequestError(
                f'{str(folder)!r} holds a checkpoint, but no {STATE} to go on from; '
                f'give another folder'
            )
        return None
    try:
        with safetensors.safe_open(file, 'pt') as stored:
            values = json.loads(stored.metadata()['values'])
            return {name: stored.get_tensor(name) for name in stored.keys()}, values  # noqa: SIM118
    except (*NONSENSE, safetensors.SafetensorError) as exc:
        raise DataError(
            f'{str(file)!r} is damaged ({exc}); remove it to begin anew, or give another folder'
        ) from exc


def _tensors(values: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in values.items()}


def _write(file: Path, content: bytes) -> None:
    try:
        replace_file(file, content)
    except OSError as exc:
        raise full_disk(file, exc) from exc


def full_disk(place: Path, exc: OSError) -> RequestError:
    """Say what to do when `place` can't be written in mid-training."""
    return RequestError(
        f"{str(place)!r} can't be written: {exc.strerror}; the last checkpoint is whole. "
        f'Make room and give the same command again: it goes on where it was'
    )
