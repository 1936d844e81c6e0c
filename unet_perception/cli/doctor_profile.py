"""Judges the variables and the profile that tell Fast DDS how images travel.

Knows which ROS distribution reads which variable, and the profile's XML; sends nothing.
"""

from collections.abc import Mapping
from pathlib import Path
import xml.etree.ElementTree as ET

from ..core.transport import NEW_VARIABLE as NEW
from ..core.transport import OLD_VARIABLE as OLD
from ..core.transport import transport_environment
from ..errors import RequestError
from .doctor_machine import FAIL, OK, WARN, Machine, Verdict

MOST_BYTES = 1 << 20
ROOTS = ('dds', 'profiles')
"""What a profile of Fast DDS begins with."""
BUILTIN = 'FASTDDS_BUILTIN_TRANSPORTS'
LOSSY = {
    BUILTIN: 'LARGE_DATA',
    'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
}
"""Each is fine alone; together they lose large images."""


def check_profile(machine: Machine) -> Verdict:
    """Tell whether the profile that the environment names is one that Fast DDS will follow."""
    environment = machine.environment
    if not machine.is_fast_dds:
        return Verdict(OK, 'not Fast DDS: its profiles do not apply')
    named = {name: environment[name] for name in (NEW, OLD) if environment.get(name)}
    try:
        segments = [segment_from_profile(Path(file)) for file in named.values()]
    except RequestError as exc:
        cure = f'unset {" ".join(named)}, or {large_images(machine)}'
        return Verdict(FAIL, f'{exc}; Fast DDS goes on without it', cure)
    if not named:
        return _judge_defaults(environment)
    read = variable_read(machine)
    if len(named) > 1:
        other = OLD if read == NEW else NEW
        return Verdict(WARN, 'both variables are set, and one profile may count', f'unset {other}')
    return _judge_variable(*named.popitem(), read, segments[0])


def _judge_defaults(environment: Mapping[str, str]) -> Verdict:
    """Judge an environment that names no profile; one that is named overrides the transports."""
    if all(environment.get(name, '').startswith(value) for name, value in LOSSY.items()):
        pair = ' with '.join(f'{name}={value}' for name, value in LOSSY.items())
        return Verdict(WARN, f'{pair} loses large images', f'unset {next(iter(LOSSY))}')
    transports = environment.get(BUILTIN)
    if transports:
        return Verdict(OK, f'none: {BUILTIN}={transports}; whether images pass is tried below')
    return Verdict(OK, 'none: Fast DDS as it is by default; whether images pass is tried below')


def _judge_variable(name: str, file: str, read: str, segment: int | None) -> Verdict:
    """Judge a good profile by the variable that names it."""
    size = f'{segment / 2**20:.3g} MB' if segment else 'of a size that it does not name'
    text = f'{file}: shared memory {size}'
    if name == read:
        return Verdict(OK, text)
    fate = 'deprecated' if name == OLD else 'not read'
    cure = f'unset {name}; export {read}={file}'
    return Verdict(WARN, f'{name} is {fate} in this ROS distribution: {text}', cure)


def variable_read(machine: Machine) -> str:
    """Return the variable that names a profile in this ROS distribution."""
    return next(name for name in _large_images(machine) if name in (OLD, NEW))


def large_images(machine: Machine) -> str:
    """Return the words that bring the shipped profile for camera images."""
    name = variable_read(machine)
    export = f'export {name}={_large_images(machine)[name]}'
    return f'launch with transport:=large_images, and start the camera after {export}'


def _large_images(machine: Machine) -> Mapping[str, str]:
    return transport_environment('large_images', machine.distribution)


def segment_from_profile(file: Path) -> int | None:
    """Return the largest shared-memory segment that a profile names, in bytes; None if none.

    RequestError if it can't be read, or is not plain XML: the file may be anyone's.
    """
    try:
        with file.open('rb') as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as exc:
        raise RequestError(f"profile {str(file)!r} can't be read ({exc.strerror})") from exc
    if len(content) > MOST_BYTES:
        raise RequestError(f'profile {str(file)!r} is larger than {MOST_BYTES} bytes')
    try:
        parser = ET.XMLParser(target=_Plain())  # noqa: S314, what makes XML dangerous is refused
        parser.feed(content)
        root = parser.close()
        sizes = [int(size.text or '') for size in root.iterfind('.//{*}segment_size')]
    except (ET.ParseError, ValueError, LookupError) as exc:
        raise RequestError(f'profile {str(file)!r} is not well-formed: {exc}') from exc
    name = root.tag.rpartition('}')[2]
    if name not in ROOTS:
        raise RequestError(f'profile {str(file)!r} is no profile: it begins with {name[:40]!r}')
    return max(sizes, default=None)


class _Plain(ET.TreeBuilder):
    """Builds a tree, unless there is a document type, which is where entities are declared."""

    def doctype(self, *_: object) -> None:
        raise ValueError('document types are not accepted')
