"""The model card: what a user of the model should know, from the manifest alone.

Knows the manifest's fields; measures nothing itself.
"""

from collections.abc import Mapping
from typing import Any


def card_from_manifest(document: Mapping[str, Any]) -> str:
    """Return `MODEL_CARD.md` for a manifest, as plain JSON values."""
    scores, training, about = document['scores'], document['training'], document['about']
    plan = training['plan']
    names = [entry['name'] for entry in document['classes']]
    iou = zip(names, scores['iou'], strict=True)
    limits = '\n'.join(f'- {sentence}' for sentence in about['limits'])
    commands = '\n'.join(about['commands'])
    files = '\n'.join(
        f'| `{entry["file"]}` | {entry["precision"]} | {entry["width"]}x{entry["height"]} '
        f'| {entry["bytes"] / 1e6:.2f} MB |'
        for entry in document['artifacts']
    )
    points = '\n'.join(
        f'| {point["height"]}x{point["width"]} | '
        + ' | '.join(f'{value:.4f}' for value in point['scores'].values())
        + ' |'
        for point in document['operating_points']
    )
    columns = list(document['operating_points'][0]['scores'])
    return f"""# Model card: {document['name']} {document['version']}

Task: {document['task']}. Classes by id: {', '.join(f'{k} {n}' for k, n in enumerate(names))}.
Bytes in (RGB), bytes out (probabilities x255): normalisation and softmax are inside the file.

| file | precision | input | size |
|---|---|---|---|
{files}

## Scores

On the {scores['images']} validation images, at their own resolution, through the same pipeline
that the node runs, on {scores['backend']}. Of the best operating point:

| score | value |
|---|---|
| mean IoU | {scores['miou']:.4f} |
{''.join(f'| IoU {name} | {value:.4f} |{chr(10)}' for name, value in iou)}\
| pixel accuracy | {scores['pixel_accuracy']:.4f} |
| expected calibration error (15 bins) | {scores['ece']:.4f} |

Of every operating point (height x width), the same weights at another input size:

| size | {' | '.join(columns)} |
|---{'|---' * len(columns)}|
{points}

The confidence was not calibrated after training (temperature 1).

## Data

{about['data']}

Validation took whole blocks of consecutive image numbers, since neighbours can be frames of one
drive. Version of data and split: `{scores['data_sha256'][:16]}…`.

## Limits

{limits}

## Training

{training['epochs_done']} of {plan['epochs']} epochs, batch {plan['batch']}, seed {plan['seed']}, \
input {plan['size'][1]}x{plan['size'][0]}; weights are the moving average of the last steps.

```
{commands}
```

## Licence and attribution

{document['license']}

{document['attribution']}
"""
