"""Plans: a header that says for what and for whom, the ONNX file itself, and a checksum.

Knows bytes; nothing of what builds or runs them.
"""

import hashlib
import json
from typing import Any

MAGIC = b'FAKEPLAN'
_DIGEST = hashlib.sha256().digest_size


class HostMemory(bytes):
    """A plan as a builder hands it over."""

    @property
    def nbytes(self) -> int:
        """Its size."""
        return len(self)


def plan_of(content: bytes, header: dict[str, Any]) -> HostMemory:
    """Return the plan of an ONNX file's bytes."""
    text = json.dumps(header, sort_keys=True).encode()
    body = MAGIC + len(text).to_bytes(4, 'little') + text + content
    return HostMemory(body + hashlib.sha256(body).digest())


def content_of(plan: bytes, header: dict[str, Any]) -> bytes:
    """Return the ONNX file's bytes; ValueError unless the plan is whole and of this header."""
    body, digest = plan[:-_DIGEST], plan[-_DIGEST:]
    if not body.startswith(MAGIC) or hashlib.sha256(body).digest() != digest:
        raise ValueError('Magic tag or checksum does not match: the plan is damaged or is none')
    start = len(MAGIC) + 4
    end = start + int.from_bytes(body[len(MAGIC) : start], 'little')
    found = json.loads(body[start:end])
    wrong = [
        f'expecting {k} {header[k]!r} got {found[k]!r}' for k in header if found[k] != header[k]
    ]
    if wrong:
        raise ValueError(f'The engine plan file is not compatible: {", ".join(wrong)}')
    return body[end:]
