"""An interrupt while a process is being started ends that process as well."""

import os
import signal
import subprocess
import sys
from typing import Any

import psutil
import pytest

from unet_perception.cli.processes import started

SLEEP = [sys.executable, '-c', 'import time; time.sleep(60)']


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_starting_leaves_nothing_behind(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    popen = subprocess.Popen

    def interrupted(*arguments: Any, **options: Any) -> Any:
        begun.append(popen(*arguments, **options))
        os.kill(os.getpid(), number)
        return begun[0]

    monkeypatch.setattr(subprocess, 'Popen', interrupted)
    with pytest.raises(KeyboardInterrupt):
        started(SLEEP)
    assert not psutil.pid_exists(begun[0].pid)


def test_handlers_are_as_before() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with started(SLEEP) as process:
        process.kill()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
