"""`unet_perception doctor`: tells whether this machine can serve, and what to do where it can't.

Knows which checks there are, which need which, and how findings are shown; each check is in
`doctor_checks`, `doctor_profile` or `doctor_ros`.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
import json
import os
import signal
import sys
from typing import NamedTuple

from .doctor_checks import (
    check_engine,
    check_gpu,
    check_library,
    check_malloc,
    check_model,
    check_plans,
    check_python,
    check_shared_memory,
    check_sockets,
)
from .doctor_machine import FAIL, OK, WARN, Machine, Verdict
from .doctor_profile import check_profile
from .doctor_ros import check_cv_bridge, check_images, check_rmw, check_ros, check_vision_msgs


class Row(NamedTuple):
    """A check; where one that it needs has failed, it is not tried."""

    name: str
    check: Callable[[Machine], Verdict]
    needs: tuple[str, ...] = ()
    doing: str = ''
    """What it does, if that takes seconds."""


class Finding(NamedTuple):
    """What a check came to; the fields are those of the JSON."""

    name: str
    level: str
    message: str
    cure: str


SENDING = 'sending 30 images from one process to another'
CHECKS = (
    Row('python', check_python),
    Row('numpy', lambda _: check_library('numpy')),
    Row('opencv', lambda _: check_library('cv2'), ('numpy',)),
    Row('ros', check_ros, ('numpy',), 'starting ROS 2'),
    Row('rmw', check_rmw, ('ros',)),
    Row('profile', check_profile),
    Row('images 640x480', partial(check_images, 640, 480), ('ros', 'rmw'), SENDING),
    Row('images 1280x720', partial(check_images, 1280, 720), ('ros', 'rmw'), SENDING),
    Row('shared memory', check_shared_memory),
    Row('sockets', check_sockets),
    Row('malloc', check_malloc),
    Row('vision_msgs', check_vision_msgs),
    Row('cv_bridge', check_cv_bridge),
    Row('engine', check_engine, ('numpy', 'opencv'), 'loading the engines'),
    Row('gpu', check_gpu, ('numpy', 'opencv')),
    Row('plans', check_plans, ('numpy', 'opencv')),
    Row('model', check_model, ('engine',), 'proving the shipped models'),
)
MARGIN = max(len(row.name) for row in CHECKS) + 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `doctor` takes."""
    parser.add_argument('--json', action='store_true', help='print the findings as JSON')


def run(options: argparse.Namespace) -> int:
    """Check and report; 0 if nothing failed, else 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no process may stay behind
    shows_progress = sys.stdout.isatty() and not options.json
    findings = []
    machine = Machine(dict(os.environ))
    for finding in findings_of(CHECKS, machine, _show if shows_progress else lambda _: None):
        findings.append(finding)
        if not options.json:
            _print(finding)
    is_ok = all(finding.level != FAIL for finding in findings)
    if options.json:
        report = {'ok': is_ok, 'findings': [finding._asdict() for finding in findings]}
        print(json.dumps(report, indent=2))
    else:
        print(summary(findings))
    return 0 if is_ok else 1


def findings_of(
    checks: Iterable[Row], machine: Machine, say: Callable[[str], None]
) -> Iterator[Finding]:
    """Check row by row; only those that need one that has failed are not tried."""
    lost: dict[str, str] = {}
    for row in checks:
        cause = next((lost[name] for name in row.needs if name in lost), '')
        if cause:
            verdict = Verdict(WARN, f'not tried: {cause} has failed', f'see {cause}')
        else:
            say(row.doing)
            verdict = _verdict_of(row, machine)
            say('')
        if cause or verdict.level == FAIL:
            lost[row.name] = cause or row.name
        yield Finding(row.name, *verdict)


def _verdict_of(row: Row, machine: Machine) -> Verdict:
    """Check; what was not foreseen is a finding too."""
    try:
        return row.check(machine)
    except Exception as exc:
        name = '' if str(exc) else type(exc).__name__
        cure = 'set right what the message names; the checks after this one still hold'
        return Verdict(FAIL, f'{name}{exc}', cure)


def summary(findings: list[Finding]) -> str:
    """Sum up in a line."""
    counts = Counter(finding.level for finding in findings)
    is_ok = not counts[FAIL]
    order = (OK, WARN) if is_ok else (FAIL, WARN, OK)
    text = ', '.join(f'{counts[level]} {level}' for level in order if counts[level])
    return f'{"ready" if is_ok else "not ready"}: {text}'


def _print(finding: Finding) -> None:
    message = ' '.join(finding.message.split())
    print(f'{finding.level:4} {finding.name:{MARGIN}}{message}', flush=True)
    if finding.cure:
        print(f'{"":5}{"":{MARGIN}}-> {finding.cure}', flush=True)


def _show(doing: str) -> None:
    """Say what is under way, in a line that the finding takes the place of."""
    print(f'\r\x1b[K{doing}', end='', flush=True)
