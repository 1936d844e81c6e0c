"""What only people can say of a model: `about.json` in its folder.

Knows the fields; nothing of networks or scores.
"""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

from ..errors import RequestError

ABOUT = 'about.json'


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    'name': (_is_name, 'a short text'),
    'version': (_is_name, 'a short text'),
    'task': (_is_name, 'a short text'),
    'data': (_is_text, 'a text'),
    'limits': (_are_texts, 'a list of sentences'),
    'license': (_is_text, 'a text'),
    'attribution': (_is_text, 'a text'),
    'commands': (_are_texts, 'a list of command lines'),
}
"""Each field, and what it must be."""
ABOUT_FIELDS = tuple(FIELDS)


def about_from_folder(folder: Path) -> dict[str, Any]:
    """Read what people wrote about the model; RequestError says what is missing."""
    try:
        about = json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError) as exc:
        raise RequestError(
            f"{str(folder / ABOUT)!r} can't be read ({_reason(exc)}); write one with the fields "
            f'{", ".join(ABOUT_FIELDS)}: copy models/lane/about.json and edit it'
        ) from exc
    if not isinstance(about, dict):
        raise RequestError(f'{str(folder / ABOUT)!r} is not a JSON object')
    missing = [name for name in ABOUT_FIELDS if name not in about]
    if missing:
        raise RequestError(f'{str(folder / ABOUT)!r} lacks {", ".join(missing)}')
    for name, (is_right, kind) in FIELDS.items():
        if not is_right(about[name]):
            raise RequestError(
                f'{str(folder / ABOUT)!r}: {name} {about[name]!r:.80} is not {kind}; write one'
            )
    return {name: about[name] for name in ABOUT_FIELDS}


def _reason(exc: Exception) -> str:
    return exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
