"""What only people can say of a model: `about.json` in its folder.

Knows the fields; nothing of networks or scores.
"""

import json
from pathlib import Path
from typing import Any

from ..errors import RequestError

ABOUT = 'about.json'
ABOUT_FIELDS = (
    'name',
    'version',
    'task',
    'data',
    'limits',
    'license',
    'attribution',
    'commands',
)


def about_from_folder(folder: Path) -> dict[str, Any]:
    """Read what people wrote about the model; RequestError says what is missing."""
    try:
        about = json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError) as exc:
        raise RequestError(
            f"{str(folder / ABOUT)!r} can't be read ({_reason(exc)}); write one with the fields "
            f'{", ".join(ABOUT_FIELDS)}: copy models/road/about.json and edit it'
        ) from exc
    if not isinstance(about, dict):
        raise RequestError(f'{str(folder / ABOUT)!r} is not a JSON object')
    missing = [name for name in ABOUT_FIELDS if name not in about]
    if missing:
        raise RequestError(f'{str(folder / ABOUT)!r} lacks {", ".join(missing)}')
    return {name: about[name] for name in ABOUT_FIELDS}


def _reason(exc: Exception) -> str:
    return exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
