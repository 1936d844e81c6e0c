"""Where TensorRT plans are kept, so that each is built once on each machine.

Knows files, locks and all that can make a plan wrong; nothing of TensorRT. A plan is executable
content: it is read from a folder that its user alone can write, and only as it was written.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
import fcntl
import hashlib
import json
import os
from pathlib import Path
import stat
import time
from typing import Any, NamedTuple

from ..core.files import replace_file
from ..core.progress import OnProgress

SCHEMA = 1
LOOK_S = 0.2
_SIDECAR_BYTES = 1 << 20


class PlanKey(NamedTuple):
    """Everything that can make a plan wrong: of another value of any, it is another plan."""

    file: str
    onnx_sha256: str
    tensorrt: str
    gpu: str
    capability: str
    multiprocessors: int
    cuda: str
    driver: str
    machine: str
    workspace_mb: int
    code: int
    """The version of the code that builds."""

    @property
    def name(self) -> str:
        """The name of the plan's files, without suffix."""
        digest = hashlib.sha256(json.dumps(self._asdict(), sort_keys=True).encode()).hexdigest()
        return f'{Path(self.file).stem}-{digest[:16]}'


class StoredPlan(NamedTuple):
    """A plan's sidecar: what it was built from and for, and what its bytes must be."""

    key: PlanKey
    precision: str
    """As the tensors of its ONNX file show it."""
    sha256: str
    bytes: int
    build_s: float


class PlanCache:
    """The plans of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: PlanKey) -> tuple[bytes, StoredPlan] | None:
        """Return a plan and its sidecar; None if it is not here. What is broken is deleted."""
        plan, sidecar = self._files(key)
        stored = _stored_from(sidecar)
        with suppress(OSError):  # what can't be read is as good as none
            if stored is not None and stored.key == key:
                content = _own_bytes(plan, stored.bytes)
                if hashlib.sha256(content).hexdigest() == stored.sha256:
                    return content, stored
        self.remove(key)
        return None

    def put(self, key: PlanKey, content: bytes, precision: str, build_s: float) -> StoredPlan:
        """Keep a plan; OSError if the disk does not take it, and then there is none."""
        plan, sidecar = self._files(key)
        digest = hashlib.sha256(content).hexdigest()
        stored = StoredPlan(key, precision, digest, len(content), round(build_s, 1))
        document = {'schema': SCHEMA, **stored._asdict(), 'key': key._asdict()}
        try:
            replace_file(plan, content)
            replace_file(sidecar, json.dumps(document, indent=1).encode())
        except OSError:
            self.remove(key)
            raise
        return stored

    def put_layers(self, key: PlanKey, layers: str) -> None:
        """Keep the inspector's description of a plan, for people: nothing reads it again."""
        replace_file(self.folder / f'{key.name}.layers.json', layers.encode())

    def remove(self, key: PlanKey) -> None:
        """Delete a plan and what belongs to it; where nothing can be deleted, nothing is."""
        for file in (*self._files(key), self.folder / f'{key.name}.layers.json'):
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def plans(self) -> list[StoredPlan]:
        """List the sidecars of all plans that are here, by name."""
        files = sorted(self.folder.glob('*.plan'))
        stored = (_stored_from(file.with_suffix('.json')) for file in files)
        return [each for each in stored if each is not None]

    @contextmanager
    def locked(self, key: PlanKey, on_progress: OnProgress) -> Iterator[None]:
        """Hold the right to build a plan, which one process has at a time; waits for it.

        A process that ends, however it does, gives it back. Where there can be no lock, as in a
        folder that is read-only, two may build the same plan, and the last one's is kept.
        """
        with ExitStack() as held:
            with suppress(OSError):
                file = held.enter_context((self.folder / f'{key.name}.lock').open('w'))
                _wait_for(file, on_progress)
                for part in self.folder.glob(f'.{key.name}.*'):  # of a process that was killed
                    part.unlink()
            yield

    def _files(self, key: PlanKey) -> tuple[Path, Path]:
        return self.folder / f'{key.name}.plan', self.folder / f'{key.name}.json'


def _own_bytes(file: Path, most: int) -> bytes:
    """Read a file that only this user can have written; OSError for any other, or a longer one."""
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), 'rb') as stream:
        status = os.fstat(stream.fileno())
        others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if status.st_uid != os.getuid() or others_write or status.st_size > most:
            raise PermissionError(f"{str(file)!r} is not this user's alone, or too long")
        return stream.read()


def _wait_for(file: Any, on_progress: OnProgress) -> None:
    began = time.monotonic()
    while not _is_locked(file):
        waited = round(time.monotonic() - began)
        on_progress('waiting for another process that builds this plan', waited, 0)
        time.sleep(LOOK_S)


def _is_locked(file: Any) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stored_from(file: Path) -> StoredPlan | None:
    """Read a sidecar; None if there is none, or it is not one."""
    try:
        values = json.loads(_own_bytes(file, _SIDECAR_BYTES))
        if values['schema'] != SCHEMA:
            return None
        return StoredPlan(
            PlanKey(**values['key']),
            str(values['precision']),
            str(values['sha256']),
            int(values['bytes']),
            float(values['build_s']),
        )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ):
        return None
