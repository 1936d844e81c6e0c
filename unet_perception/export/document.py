"""The manifest of a model, as plain JSON values.

Knows the schema of `core.manifest`; measures nothing, and what people must say comes from
`about.json`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..core.geometry import Size
from ..core.manifest import SCHEMA, Artifact, ModelFile
from ..core.segmentation_scores import Scores
from .calibration_file import Calibration
from .tensorrt_build import Plan
from .trial import Outcome, Verdict


class Tried(NamedTuple):
    """All that is known of a model's files."""

    goldens: Mapping[Size, ModelFile]
    verdict: Verdict
    plans: Mapping[Artifact, Plan | None]
    """What TensorRT built of each file; None where it is not installed."""


def manifest_document(
    about: Mapping[str, Any],
    training: Mapping[str, Any],
    calibration: Calibration,
    tried: Tried,
) -> dict[str, Any]:
    """Return the whole manifest."""
    names = [entry['name'] for entry in training['classes']]
    io = tried.verdict.outcomes[0].artifact.io
    best = max(tried.verdict.scores.values(), key=lambda scores: scores.miou)
    return {
        'schema': SCHEMA,
        **{name: about[name] for name in ('name', 'version', 'task')},
        'classes': training['classes'],
        'input': {'layout': 'NHWC', 'dtype': io, 'channels': 'rgb', 'resize': 'letterbox'},
        'output': {'kind': 'probabilities', 'layout': 'NCHW', 'dtype': io},
        'operating_points': [
            {
                **size._asdict(),
                'scores': scores_of_point(scores, names),
                'golden': tried.goldens[size]._asdict(),
            }
            for size, scores in tried.verdict.scores.items()
        ],
        'artifacts': [_artifact(outcome, tried) for outcome in tried.verdict.outcomes],
        'calibration': calibration.calibration,
        'scores': {
            'data': about['data'],
            'backend': 'onnxruntime',  # the reference engine's
            **best.as_json(),
            'data_sha256': training['data_sha256'],
        },
        'reference': calibration.reference,
        'training': {key: value for key, value in training.items() if key != 'classes'},
        'about': {name: about[name] for name in ('data', 'limits', 'commands')},
        **{name: about[name] for name in ('license', 'attribution')},
    }


def scores_of_point(scores: Scores, names: Sequence[str]) -> dict[str, float]:
    """Return the numbers that an operating point holds, classes by name; none is NaN."""
    values = scores.as_json()
    iou = {f'iou_{name}': value for name, value in zip(names, values['iou'], strict=True)}
    single = {key: values[key] for key in ('boundary_iou', 'ece', 'ece_boundary')}
    numbers = {'miou': values['miou'], **iou, **single}
    return {key: value for key, value in numbers.items() if value is not None}


def _artifact(outcome: Outcome, tried: Tried) -> dict[str, Any]:
    """Return what the manifest says of one file."""
    artifact = outcome.artifact
    plan = tried.plans[artifact]
    return {
        **artifact.file._asdict(),
        'precision': artifact.precision,
        'height': artifact.height,
        'width': artifact.width,
        'iou': outcome.iou,
        'class_iou_to_fp32': outcome.class_iou_to_fp32,
        'tensorrt': plan._asdict() if plan else None,
    }
