"""Files that are either whole or not there.

Knows bytes and disks; not what is written.
"""

import os
from pathlib import Path
from tempfile import mkstemp


def replace_file(file: Path, content: bytes) -> None:
    """Write `content` beside `file`, flush it to disk, then rename it over `file`.

    Whoever reads sees the old content or the new, never a part; OSError leaves the old one.
    """
    handle, name = mkstemp(dir=file.parent, prefix=f'.{file.name}.')
    part = Path(name)
    try:
        with os.fdopen(handle, 'wb') as stream:
            stream.write(content)
            stream.flush()
            os.fsync(handle)
        part.chmod(0o644)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
