"""Writes the README's tables anew from the code's: `make docs`.

Knows the tables of parameters and topics; the words around them are the README's own.
"""

from collections.abc import Iterable
from pathlib import Path

from docs.marked import with_tables
from unet_perception.core.manifest import MANIFEST, model_from_folder
from unet_perception.ros import camera_player, parameters, topics
from unet_perception.ros.parameters import Row

ROOT = Path(__file__).parents[1]
README, MODELS, WRITER = ROOT / 'README.md', ROOT / 'models', 'make docs'


def parameter_table(rows: tuple[Row, ...], with_effect: bool) -> str:
    """Return a table of parameters; with their time of effect, if asked."""
    head = ['parameter', 'type', 'default', 'allowed', *(['takes effect'] if with_effect else [])]
    lines = [[*head, 'meaning'], ['---'] * (len(head) + 1)]
    for row in rows:
        default = repr(row.default) if isinstance(row.default, str) else str(row.default).lower()
        effect = ['at once' if row.is_live else 'at configure'] if with_effect else []
        cells = [f'`{row.name}`', row.type_name, f'`{default}`', row.allowed_text, *effect]
        lines.append([*cells, row.description])
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)


def topic_table() -> str:
    """Return the table of topics."""
    lines = ['| topic | type | QoS | notes |', '|---|---|---|---|']
    for topic in topics.TOPICS:
        way = 'out' if topic.is_output else 'in'
        lines.append(
            f'| {way}: `{topic.name}` | {topic.type_name} | {topic.qos_text} | {topic.notes} |'
        )
    return '\n'.join(lines)


def model_table() -> str:
    """Return the table of shipped models."""
    head = 'model | classes | input sizes, best first | files | IoU by size | ECE by size'
    lines = [f'| {head} |', '|---|---|---|---|---|---|']
    for file in sorted(MODELS.glob(f'*/{MANIFEST}')):
        manifest = model_from_folder(file.parent).manifest
        points = manifest.best_first
        kinds = dict.fromkeys(artifact.precision for artifact in manifest.artifacts)
        largest = max(artifact.file.bytes for artifact in manifest.artifacts) / 1e6
        cells = [
            f'[`{manifest.name}`](models/{manifest.name}/MODEL_CARD.md)',
            ', '.join(f'{info.name} {info.id}' for info in manifest.classes),
            ', '.join(point.name for point in points),
            f'{", ".join(kinds)}; at most {largest:.1f} MB',
            '; '.join(
                f'{info.name} {_listed(point.scores[f"iou_{info.name}"] for point in points)}'
                for info in manifest.classes[1:]
            ),
            _listed(point.scores['ece'] for point in points),
        ]
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines)


def _listed(values: Iterable[float]) -> str:
    return ', '.join(f'{value:.3f}' for value in values)


def tables() -> dict[str, str]:
    """Return each table of the README by the name of its mark."""
    return {
        'models': model_table(),
        'topics': topic_table(),
        'parameters': parameter_table(parameters.PARAMETERS, with_effect=True),
        'player parameters': parameter_table(camera_player.PARAMETERS, with_effect=False),
    }


if __name__ == '__main__':
    README.write_text(with_tables(README.read_text(), tables(), WRITER))
