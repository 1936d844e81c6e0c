"""What lies beside the images of a data folder: class names, groups.

Knows two small text files; not pixels, splits or training.

    DIR/images/NAME.jpg (or .png)   DIR/masks/NAME.png   ids, 255 = not labelled
    DIR/classes.yaml                classes: [{id: 0, name: background, color: [0, 0, 0]}, …]
                                    (one that lies on another, as lines do, adds part_of: NAME)
    DIR/groups.csv (if any)         name,group: images of one group stay on one side of a split
"""

from collections.abc import Mapping, Sequence
import csv
import io
from pathlib import Path
from typing import Any

import yaml

from ..core.files import replace_file
from ..core.manifest import MOST_CLASSES, ClassInfo, parts_of
from ..errors import DataError
from .limits import is_integer, shown

CLASSES, GROUPS = 'classes.yaml', 'groups.csv'
IMAGES, MASKS = 'images', 'masks'
EXAMPLE = 'classes: [{id: 0, name: background, color: [0, 0, 0]}, {id: 1, name: …}]'


def classes_from_folder(root: Path) -> tuple[ClassInfo, ...]:
    """Read `classes.yaml`; DataError says what is missing in it."""
    file = root / CLASSES
    try:
        entries = yaml.safe_load(file.read_text(encoding='utf-8'))['classes']
        classes = tuple(_class_from_entry(k, entry) for k, entry in enumerate(entries))
        parts_of(classes)
    except FileNotFoundError as exc:
        raise DataError(f'{str(file)!r} is missing; write one: {EXAMPLE}') from exc
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as exc:
        reason = ' '.join(str(exc).split())
        raise DataError(f"{str(file)!r} can't be used ({reason}); expected {EXAMPLE}") from exc
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise DataError(f'{str(file)!r} names {len(classes)} classes; 2 to {MOST_CLASSES} can be')
    if len({entry.name for entry in classes}) < len(classes):
        raise DataError(f'{str(file)!r} gives two classes one name; rename one')
    return classes


def _class_from_entry(position: int, entry: Mapping[str, Any]) -> ClassInfo:
    """Check one class; ValueError, TypeError or KeyError for what can't be."""
    if not is_integer(entry['id']) or entry['id'] != position:
        raise ValueError(f'class {position} has id {shown(entry["id"])}; ids count up from 0')
    name, color = entry['name'], entry.get('color', (0, 0, 0))
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f'class {position} has no name')
    if len(name) > 200 or not name.isprintable():
        raise ValueError(f'class {position} has a name of more than one line or 200 letters')
    if len(color) != 3 or not all(is_integer(c) and 0 <= c <= 255 for c in color):
        raise ValueError(f'class {position} has color {shown(color)}; write [red, green, blue]')
    part_of = entry.get('part_of', '')
    if not isinstance(part_of, str):
        raise ValueError(f'class {position} has part_of {shown(part_of)}; write a class name')
    return ClassInfo(position, name, tuple(color), part_of)


def write_classes(root: Path, classes: Sequence[ClassInfo]) -> None:
    """Write `classes.yaml`; `classes_from_folder` is the inverse."""
    entries = [entry.as_json() for entry in classes]
    text = yaml.safe_dump({'classes': entries}, sort_keys=False, default_flow_style=None)
    replace_file(root / CLASSES, text.encode())


def groups_from_folder(root: Path) -> dict[str, str]:
    """Read `groups.csv` as group by image name; empty if there is none."""
    file = root / GROUPS
    if not file.is_file():
        return {}
    try:
        text = io.StringIO(file.read_text(encoding='utf-8-sig'), newline='')
        header, *rows = (row for row in csv.reader(text, strict=True) if row)
        if header != ['name', 'group']:
            raise ValueError(f'it begins with {header}')
        return dict(rows)
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as exc:
        raise DataError(
            f"{str(file)!r} can't be used ({exc}); its first line must be: name,group"
        ) from exc


def write_groups(root: Path, groups: Mapping[str, str]) -> None:
    """Write `groups.csv`; `groups_from_folder` is the inverse."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(('name', 'group'))
    writer.writerows(groups.items())
    replace_file(root / GROUPS, text.getvalue().encode())
