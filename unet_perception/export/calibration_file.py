"""What `calibrate` found, kept beside the weights that it is true of: `calibration.json`.

Knows the file; not how it was measured. Other weights in the same folder are not calibrated by it.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from ..core.calibration import LEAST, MOST
from ..core.files import replace_file
from ..errors import DataError, RequestError
from ..training.checkpoint import NONSENSE, weights_of_folder
from .calibration_views import AS_THEY_ARE

CALIBRATION = 'calibration.json'
SINGLE = ('nll', 'ece', 'ece_boundary')


class Calibration(NamedTuple):
    """The manifest's `calibration` and `reference`, as plain JSON values."""

    calibration: dict[str, Any]
    reference: dict[str, Any]

    @property
    def temperature(self) -> float:
        """What the logits are divided by."""
        value = self.calibration['temperature']
        if type(value) not in (int, float):
            raise TypeError(f'temperature {value!r:.80} is no number')
        return float(value)


UNCALIBRATED = Calibration(
    {'temperature': 1.0, 'ece_before': 0.0, 'ece_after': 0.0, 'data_sha256': ''}, {}
)
"""Of a checkpoint that was never calibrated."""


def save_calibration(checkpoint: Path, weights: str, found: Calibration) -> Path:
    """Write what was found of these weights of a checkpoint; return the file. RequestError."""
    file = checkpoint / CALIBRATION
    document = {'weights': weights, **found._asdict()}
    try:
        replace_file(file, json.dumps(document, indent=2).encode() + b'\n')
    except OSError as exc:
        raise RequestError(
            f"{str(file)!r} can't be written ({exc.strerror}); make room, or copy the checkpoint "
            f'to a folder of your own'
        ) from exc
    return file


def load_calibration(checkpoint: Path) -> Calibration:
    """Read it, `UNCALIBRATED` without one; DataError if it is of other weights, or is none."""
    file = checkpoint / CALIBRATION
    again = f'unet_perception calibrate {checkpoint} DATA writes another'
    try:
        document = json.loads(file.read_text())
        found = Calibration(dict(document['calibration']), dict(document['reference']))
        is_of_these = document['weights'] == weights_of_folder(checkpoint)
        is_possible = LEAST <= found.temperature <= MOST
        _check(found)
    except FileNotFoundError:
        return UNCALIBRATED
    except NONSENSE as exc:
        raise DataError(f"{str(file)!r} can't be used ({exc}); {again}") from exc
    if not is_of_these:
        raise DataError(f'{str(file)!r} is of weights that were here before; {again}')
    if not is_possible:
        raise DataError(f'{str(file)!r} has temperature {found.temperature}; {again}')
    return found


def _check(found: Calibration) -> None:
    """KeyError, TypeError or ValueError unless card and report can tell of it."""
    values = found.calibration
    [values[key] for key in UNCALIBRATED.calibration], int(values['images'])
    dict(found.reference['statistics'])
    for when in ('before', 'after'):
        for measured in (values[when][AS_THEY_ARE], *values[when].values()):
            [None if measured[key] is None else float(measured[key]) for key in SINGLE]
            for pixels, *means in measured['bins']:
                [float(mean) for mean in means if pixels]
