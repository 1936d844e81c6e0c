"""Starts the processes that a verb needs, so that an interrupt can't leave one behind.

Knows signals; not what is started.
"""

import signal
import subprocess
from typing import Any


def started(command: list[str], **options: Any) -> 'subprocess.Popen[str]':
    """Start a process, as `subprocess.Popen` does, with text streams.

    Between fork and return an interrupt would raise while nobody yet knows the process: it
    waits, ends the process, and is raised then.
    """
    pending: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: pending.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        popen = subprocess.Popen(command, text=True, **options)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if pending:
        popen.kill()
        popen.wait()
        raise KeyboardInterrupt
    return popen
