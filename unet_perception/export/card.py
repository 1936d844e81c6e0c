"""The model card: what a user of the model should know, from the manifest alone.

Knows the manifest's fields; measures nothing itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
    plan = training['plan']
    names = [entry['name'] for entry in document['classes']]
    limits = '\n'.join(f'- {sentence}' for sentence in about['limits'])
    commands = '\n'.join(about['commands'])
    files = '\n'.join(
        f'| `{entry["file"]}` | {entry["precision"]} | {entry["width"]}x{entry["height"]} '
        f'| {entry["bytes"] / 1e6:.2f} MB |'
        for entry in document['artifacts']
    )
    return f"""# Model card: {document['name']} {document['version']}

Task: {document['task']}. Classes by id: {', '.join(f'{k} {n}' for k, n in enumerate(names))}.
Bytes in (RGB), bytes out (probabilities x255): normalisation and softmax are inside the file.

| file | precision | input | size |
|---|---|---|---|
{files}

## Scores

On the {scores['images']} validation images, at their own resolution, through the same pipeline
that the node runs, on {scores['backend']}. Of the best operating point:

{_scores(names, scores)}
{_class_scores(names, scores)}
Of every operating point (height x width), the same weights at another input size:

{_point_scores(document['operating_points'])}

The confidence was not calibrated after training (temperature 1).

## Data

{about['data']}

Validation is the side of that name in the data's split.json; unless edited, whole runs of
neighbouring groups, since neighbours can be frames of one drive. Version of data and split:
`{scores['data_sha256'][:16]}…`.

## Limits

{limits}

## Training

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
