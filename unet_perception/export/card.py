"""The model card: what a user of the model should know, from the manifest alone.

Knows the manifest's fields; measures nothing itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

RELIABILITY, FAILURES = 'reliability.svg', 'failures.jpg'
SCORES = {
    'boundary_iou': 'mean boundary IoU',
    'pixel_accuracy': 'pixel accuracy',
    'ece': 'expected calibration error (15 bins)',
    'ece_boundary': 'the same within 8 px of a boundary between classes',
}
CLASS_SCORES = {
    'class_boundary_iou': 'boundary IoU',
    'dice': 'Dice',
    'precision': 'precision',
    'recall': 'recall',
    'class_ece': 'calibration error',
    'islands': 'islands',
    'island_pixels': 'their pixels',
}
"""Keys of the manifest's `scores` and how the card calls them; it tells those that are there."""


def card_from_manifest(document: Mapping[str, Any]) -> str:
    """Return `MODEL_CARD.md` for a manifest, as plain JSON values."""
    scores, training, about = document['scores'], document['training'], document['about']
    plan, unet = training['plan'], training['unet']
    names = [entry['name'] for entry in document['classes']]
    limits = '\n'.join(f'- {sentence}' for sentence in about['limits'])
    commands = '\n'.join(about['commands'])
    return f"""# Model card: {document['name']} {document['version']}

Task: {document['task']}. Classes by id: {', '.join(f'{k} {n}' for k, n in enumerate(names))}.
Bytes in (RGB), bytes out (probabilities x255): normalisation and softmax are inside the file.{
        _parts(document['classes'])
    }

{_files(names, document['artifacts'])}

IoU on the validation images, and the least IoU of any class's mask with fp32's; all run by ONNX
Runtime with nothing fused, so that differences are the files' own. TensorRT: the size of the plan
that TensorRT for RTX builds of the file, on a CPU; that it is parsed and built says nothing of
speed.

## Scores

On the {scores['images']} validation images, at their own resolution, through the same pipeline
that the node runs, on {scores['backend']}. Of the best operating point:

{_scores(names, scores)}
{_class_scores(names, scores)}
Of every operating point (height x width), the same weights at another input size:

{_point_scores(document['operating_points'])}

{_calibration(document['calibration'])}

![Images, what is true, and what the model says]({FAILURES})

*Where it fails: of the validation images those with the most wrong pixels, each beside its truth
and the answer.*

## Data

{about['data']}

Validation is the side of that name in the data's split.json; unless edited, whole runs of
neighbouring groups, since neighbours can be frames of one drive. Version of data and split:
`{scores['data_sha256'][:16]}…`.

## Limits

{limits}

## Training

A U-Net ({unet['variant']}) of {', '.join(map(str, unet['widths']))} channels, fine to coarse.
{training['epochs_done']} of {plan['epochs']} epochs, batch {plan['batch']}, seed {plan['seed']}, \
input {plan['size'][1]}x{plan['size'][0]}; weights are the moving average of the last steps. The
epoch kept is the one with the best validation mIoU, so the scores are a little optimistic.

```
{commands}
```

## Licence and attribution

{document['license']}

{document['attribution']}
"""


def _parts(classes: Sequence[Mapping[str, Any]]) -> str:
    """Say which class's scores include another; '' if none do."""
    parts = [(entry['part_of'], entry['name']) for entry in classes if 'part_of' in entry]
    return ''.join(
        f'\nA {part} lies on the {whole}: overlap scores of {whole} are of both together.'
        for whole, part in parts
    )


def _files(names: Sequence[str], artifacts: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of files: size, IoU, agreement with fp32, plan."""
    titles = ('file', 'size', *(f'IoU {name}' for name in names), 'to fp32', 'TensorRT')
    rows = (
        (
            f'`{entry["file"]}`',
            f'{entry["bytes"] / 1e6:.2f} MB',
            *entry['iou'],
            min((v for v in entry['class_iou_to_fp32'] if v is not None), default=None),
            f'{entry["tensorrt"]["size"] / 1e6:.2f} MB' if entry['tensorrt'] else None,
        )
        for entry in artifacts
    )
    return _table(titles, rows)


def _calibration(calibration: Mapping[str, Any]) -> str:
    """Tell what the temperature is and what it does."""
    if 'before' not in calibration:
        return 'The confidence was not calibrated after training (temperature 1).'
    rows = [
        (
            f'{title}, images {kind}',
            *(calibration[when][kind][key] for when in ('before', 'after')),
        )
        for kind in calibration['before']
        for key, title in (('ece', 'calibration error'), ('ece_boundary', 'near boundaries'))
    ]
    return f"""## Calibration

Temperature {calibration['temperature']:.3f}, chosen on the {calibration['images']} validation
images of the calibration data, as they are and shifted (other light, weather and sensors);
measured on each half of them with the temperature of the other half:

{_table(('score', 'before', 'after'), rows)}

![Accuracy over confidence]({RELIABILITY})"""


def _scores(names: list[str], scores: Mapping[str, Any]) -> str:
    """Return the table of what is one number, and of IoU."""
    iou = zip(names, scores['iou'], strict=True)
    rows = [('mean IoU', scores['miou']), *((f'IoU {name}', value) for name, value in iou)]
    rows += [(title, scores[key]) for key, title in SCORES.items() if key in scores]
    return _table(('score', 'value'), rows)


def _class_scores(names: list[str], scores: Mapping[str, Any]) -> str:
    """Return the table of what each class has of its own, and its legend; '' if nothing."""
    known = {title: scores[key] for key, title in CLASS_SCORES.items() if key in scores}
    if not known:
        return ''
    return f"""
{_table(('class', *known), zip(names, *known.values(), strict=True))}

Boundary IoU compares bands along the edges of a class, 2 % of the image diagonal wide (Cheng et
al. 2021). Islands are connected regions taken for a class that touch none of it, in all images.
"""


def _point_scores(points: list[Mapping[str, Any]]) -> str:
    """Return the table of every operating point's scores."""
    columns = list(dict.fromkeys(key for point in points for key in point['scores']))
    sizes = [f'{point["height"]}x{point["width"]}' for point in points]
    values = [map(point['scores'].get, columns) for point in points]
    rows = ((size, *row) for size, row in zip(sizes, values, strict=True))
    return _table(('size', *columns), rows)


def _table(titles: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table in Markdown, without a last line break."""
    lines = [titles, *(map(_cell, row) for row in rows)]
    head, *body = (f'| {" | ".join(line)} |' for line in lines)
    return '\n'.join([head, '|---' * len(titles) + '|', *body])


def _cell(value: Any) -> str:
    """Write a score with four digits, and a dash where there was nothing to score."""
    if value is None:
        return '–'
    return f'{value:.4f}' if isinstance(value, float) else str(value)
