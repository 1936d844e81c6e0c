"""SHA256SUMS: what every byte of a model folder must be, in the form that `sha256sum -c` reads.

Knows names and hashes; not what is in a file. It guards against damage; whoever may write the
folder may write the sums too.
"""

from collections.abc import Iterable
import hashlib
from pathlib import Path
import re

from ..errors import ModelError

SUMS = 'SHA256SUMS'
_LINE = re.compile(r'([0-9a-f]{64})  ([^/\n]+)\n')
_MOST_BYTES = 1 << 20


def sums_of(files: Iterable[Path]) -> bytes:
    """Return the content of SHA256SUMS for some files; ModelError for a name it can't hold."""
    lines = {}
    for file in files:
        if not file.name.isprintable():
            raise ModelError(f'{str(file)!r} has a name that {SUMS} does not hold; rename it')
        lines[file.name] = f'{_sha256(file)}  {file.name}\n'
    return ''.join(lines[name] for name in sorted(lines)).encode()


def visible_files(folder: Path) -> list[Path]:
    """List all that lies in `folder`, but for hidden names: those are of no model."""
    return sorted(file for file in folder.iterdir() if not file.name.startswith('.'))


def problems_by_file(folder: Path) -> dict[str, str]:
    """Return what is wrong with each file by its name, '' if nothing; ModelError without sums."""
    sums = _sums_from(folder / SUMS)
    present = {file.name: file for file in visible_files(folder) if file.name != SUMS}
    problems = {name: f'is not in {SUMS}; remove it' for name in present if name not in sums}
    for name, expected in sums.items():
        if name not in present:
            problems[name] = f'is missing, though {SUMS} names it; restore the model folder'
        elif not present[name].is_file() or _sha256(present[name]) != expected:
            problems[name] = f'is damaged or changed (sha256 is not that of {SUMS}); restore it'
        else:
            problems[name] = ''
    return dict(sorted(problems.items()))


def _sums_from(file: Path) -> dict[str, str]:
    """Read hashes by name; ModelError if a byte does not belong there."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ModelError(
                f"{str(file)!r} is larger than {_MOST_BYTES} bytes; it can't be right"
            )
        text = file.read_bytes().decode('utf-8')
    except FileNotFoundError as exc:
        raise ModelError(f'{str(file)!r} is missing; export the model again') from exc
    except (OSError, ValueError) as exc:
        raise ModelError(f"{str(file)!r} can't be read ({exc}); restore the model folder") from exc
    if _LINE.sub('', text):
        raise ModelError(f'{str(file)!r} is damaged: a line is no sum; restore the model folder')
    return {name: digest for digest, name in _LINE.findall(text)}


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    try:
        with file.open('rb') as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as exc:
        raise ModelError(f"{str(file)!r} can't be read: {exc.strerror}") from exc
    return digest.hexdigest()
