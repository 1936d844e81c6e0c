"""What decides the result of a training, as plain values; another record is another training.

Knows plan, data and tools; not how training goes.
"""

from importlib.metadata import version
from typing import Any

import cv2
import numpy as np
import torch

from ..core.manifest import ClassInfo, parts_of
from .check import DataCheck
from .plan import TrainingPlan, plan_from_dict
from .validation import MEAN, STD


def record_of_run(plan: TrainingPlan, check: DataCheck) -> dict[str, Any]:
    """Return what a checkpoint says of its training before the first step."""
    values = plan.as_dict()
    del values['unet']  # stands beside the weights
    return {
        'plan': values,
        'classes': [entry.as_json() for entry in check.classes],
        'data_sha256': check.sha256,
        'normalisation': {'mean': list(MEAN), 'std': list(STD)},
        'tools': {
            'torch': torch.__version__,
            'kornia': version('kornia'),
            'numpy': np.__version__,
            'opencv': cv2.__version__,
        },
        'device': 'cuda' if torch.cuda.is_available() else 'cpu',
        'threads': torch.get_num_threads(),  # another number, other rounding, other weights
    }


def checked_record(training: Any, unet: Any) -> dict[str, Any]:
    """Return a stored record if export can use it; else KeyError, TypeError or a RequestError."""
    plan_from_dict({**training['plan'], 'unet': unet})
    infos = [ClassInfo(**{**entry, 'name': str(entry['name'])}) for entry in training['classes']]
    parts_of(infos)
    for info in infos:
        if [int(part) for part in info.color] != list(info.color) or len(info.color) != 3:
            raise ValueError(f'class {info.name!r:.80} has no colour of three numbers')
    for name in ('mean', 'std'):
        if len([float(value) for value in training['normalisation'][name]]) != 3:
            raise ValueError(f'{name} is not of three channels')
    str(training['data_sha256']), int(training['epochs_done'])
    return dict(training)


def difference(theirs: Any, ours: Any, name: str = 'request') -> str:
    """Say in which value two records differ first; empty if they don't."""
    if theirs == ours:
        return ''
    if isinstance(theirs, dict) and isinstance(ours, dict):
        key = next(key for key in {**theirs, **ours} if theirs.get(key) != ours.get(key))
        return difference(theirs.get(key), ours.get(key), key)
    return f'{name} {theirs!r}, not {ours!r}'
