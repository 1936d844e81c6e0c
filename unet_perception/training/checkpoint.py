"""A checkpoint is weights (safetensors) beside a JSON config; one function rebuilds the network.

Knows files; not training. No pickle is read or written.
"""

import json
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import safetensors
import safetensors.torch

from ..core.files import replace_file
from ..errors import DataError, RequestError
from .family import config_from_dict
from .unet import UNet

WEIGHTS, CONFIG = 'weights.safetensors', 'checkpoint.json'


def make_folder(folder: Path) -> None:
    """Create `folder` where there is none; RequestError if no file can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as exc:
        raise RequestError(f"{str(folder)!r} can't hold a checkpoint: {exc.strerror}") from exc


def save_checkpoint(folder: Path, network: UNet, training: dict[str, Any]) -> None:
    """Write `network` and what is known of its `training`; each file is replaced whole."""
    values = {'unet': network.config.as_dict(), 'training': training}
    weights = safetensors.torch.save({k: v.contiguous() for k, v in network.state_dict().items()})
    replace_file(folder / WEIGHTS, weights)
    replace_file(folder / CONFIG, json.dumps(values, indent=2).encode())


def load_checkpoint(folder: Path) -> tuple[UNet, dict[str, Any]]:
    """Rebuild the network and return it with its training record; DataError if it can't be."""
    try:
        values = json.loads((folder / CONFIG).read_text())
        network, training = UNet(config_from_dict(values['unet'])), values['training']
        network.load_state_dict(safetensors.torch.load_file(folder / WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError, RequestError) as exc:
        raise DataError(f'{str(folder)!r} is not a checkpoint of this package: {exc}') from exc
    except safetensors.SafetensorError as exc:
        raise DataError(f'{str(folder / WEIGHTS)!r} is damaged: {exc}; train again') from exc
    except RuntimeError as exc:  # its message lists every tensor
        raise DataError(
            f'{str(folder / WEIGHTS)!r} holds other weights than {CONFIG} says; train again'
        ) from exc
    return network.eval(), training
