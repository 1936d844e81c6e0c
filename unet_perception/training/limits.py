"""Frozen values that are within the limits declared with them.

Knows types and ranges; not what the values are for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
import math
import reprlib
from typing import Any, ClassVar

from ..errors import RequestError


def number(default: float, low: float, high: float) -> Any:
    """Declare a field: a number within limits, whole if its default is."""
    return field(default=default, metadata={'check': _check_number, 'low': low, 'high': high})


def word(default: str, words: Iterable[str]) -> Any:
    """Declare a field: one of several words."""
    return field(default=default, metadata={'check': _check_word, 'words': tuple(words)})


def span(default: tuple[float, float], low: float, high: float) -> Any:
    """Declare a field of two numbers, the lower first, both within limits."""
    return field(default=default, metadata={'check': _check_span, 'low': low, 'high': high})


@dataclass(frozen=True)
class Checked:
    """Values within the limits that are declared with them; else RequestError."""

    PREFIX: ClassVar[str] = ''
    """Goes before a field's name in messages."""

    def __post_init__(self) -> None:
        for declared in fields(self):
            if check := declared.metadata.get('check'):
                check(f'{self.PREFIX}{declared.name}', getattr(self, declared.name), declared)


def _check_word(name: str, value: Any, declared: 'Field[Any]') -> None:
    words = declared.metadata['words']
    if value not in words:
        raise RequestError(f'{name} must be {" or ".join(words)}, not {shown(value)}')


def _check_span(name: str, value: Any, declared: 'Field[Any]') -> None:
    if not (isinstance(value, tuple) and len(value) == 2):
        raise RequestError(f'{name} must be [lowest, highest], not {shown(value)}')
    for each in value:
        _check_limits(name, each, declared.metadata, is_whole=False)
    if value[0] > value[1]:
        raise RequestError(f'{name} must be [lowest, highest], not {shown(list(value))}')


def _check_number(name: str, value: Any, declared: 'Field[Any]') -> None:
    _check_limits(name, value, declared.metadata, is_whole=isinstance(declared.default, int))


def _check_limits(name: str, value: Any, limits: Mapping[str, Any], is_whole: bool) -> None:
    """RequestError unless `value` is a finite number within the limits."""
    is_float = not is_whole and isinstance(value, float) and math.isfinite(value)
    is_number = is_integer(value) or is_float
    if not is_number or not limits['low'] <= value <= limits['high']:
        kind = 'a whole number' if is_whole else 'a number'
        least, most = (f'{limits[end]:.10g}' for end in ('low', 'high'))
        raise RequestError(
            f'{name} must be {kind} of at least {least} and at most {most}, not {shown(value)}'
        )


def shown(value: Any) -> str:
    """Write a value that may be endless, short."""
    try:
        return reprlib.repr(value)
    except ValueError:  # a number of thousands of digits
        return 'a number that is too long to show'


def is_integer(value: Any) -> bool:
    """Tell whether it is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def known(owner: type[Any], values: Any, what: str) -> dict[str, Any]:
    """Return `values` if they are by names that `owner` has; else RequestError."""
    if not isinstance(values, Mapping):
        raise RequestError(f'{what} must be names with values, not {shown(values)}')
    names = [each.name for each in fields(owner)]
    for name in values:
        if name not in names:
            raise RequestError(f'{what} has no {shown(name)}; there are {", ".join(names)}')
    return dict(values)
