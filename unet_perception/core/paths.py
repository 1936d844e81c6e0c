"""Where this package's own files are, however it was installed, and where caches may go.

Knows folders; not what is in them.
"""

import os
from pathlib import Path
import stat
import sys

from ..errors import RequestError

PACKAGE = 'unet_perception'


def share_folder() -> Path:
    """Return the folder that holds `models`, `config`, `launch` and `examples`.

    That is the source checkout, or `share/unet_perception` under the prefix that pip or colcon
    installed to. RequestError if there is none.
    """
    here = Path(__file__).resolve()
    prefixes = [*here.parents, Path(sys.prefix)]
    prefixes += [Path(p) for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    for folder in [here.parents[2], *(prefix / 'share' / PACKAGE for prefix in prefixes)]:
        if (folder / 'package.xml').is_file() and (folder / 'models').is_dir():
            return folder
    raise RequestError(f'the share folder of {PACKAGE} was not found; install the package again')


def model_folder(name_or_path: str) -> Path:
    """Return the folder of a shipped model (a bare name) or of the model at a path.

    A shipped name means the shipped model, whatever the working directory holds.
    """
    models = share_folder() / 'models'
    names = sorted(folder.name for folder in models.iterdir() if folder.is_dir())
    if name_or_path in names:
        return models / name_or_path
    found = _folder_at(name_or_path) if name_or_path else None
    if found:
        return found
    raise RequestError(
        f'model {name_or_path!r} is neither a folder nor a shipped model; '
        f'shipped: {", ".join(names) or "none"}'
    )


FOOTAGE = {'lane': 'highway.mp4', 'grasp': 'tabletop.mp4'}
"""Shipped clips by the task they show."""


def sample_footage(task: str = 'lane') -> Path:
    """Return the shipped clip for a task, the highway for one that has none of its own."""
    return share_folder() / 'examples' / 'footage' / FOOTAGE.get(task, FOOTAGE['lane'])


def private_cache_folder(kind: str) -> Path | None:
    """Make and return this user's cache folder for `kind`, or None if it can't be private.

    Compiled models are executable content: a folder that others can write is not used.
    """
    try:
        root = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
        folder = root / PACKAGE / kind
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return folder if status.st_uid == os.getuid() and not others_write else None


def _folder_at(text: str) -> Path | None:
    """Return the folder at a path, or None if there is none that this user can see."""
    try:
        folder = Path(text).expanduser()
        return folder if folder.is_dir() else None
    except (OSError, RuntimeError):  # too long, not permitted; RuntimeError: no such user
        return None
