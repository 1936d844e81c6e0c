"""Frozen values that are within the limits declared with them.

Knows types and ranges; not what the values are for.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
import math
from typing import Any, ClassVar

from ..errors import RequestError


def value(default: float | str, low: float | tuple[str, ...], high: float = math.inf) -> Any:
    """Declare a field: a number within limits, or one of several words."""
    return field(default=default, metadata={'low': low, 'high': high})


def span(default: tuple[float, float], low: float, high: float = math.inf) -> Any:
    """Declare a field of two numbers, the lower first, both within limits."""
    return field(default=default, metadata={'low': low, 'high': high, 'pair': True})


@dataclass(frozen=True)
class Checked:
    """Values within the limits that are declared with them; else RequestError."""

    PREFIX: ClassVar[str] = ''
    """Goes before a field's name in messages."""

    def __post_init__(self) -> None:
        for declared in fields(self):
            if 'low' in declared.metadata:
                _check(declared, getattr(self, declared.name), self.PREFIX)


def _check(declared: 'Field[Any]', value: Any, prefix: str) -> None:
    """RequestError for a value that its field can't have."""
    name, limits = f'{prefix}{declared.name}', declared.metadata
    if isinstance(limits['low'], tuple):
        if value not in limits['low']:
            raise RequestError(f'{name} must be {" or ".join(limits["low"])}, not {value!r}')
    elif 'pair' not in limits:
        _check_number(name, value, declared.default, limits)
    elif not (isinstance(value, tuple) and len(value) == 2):
        raise RequestError(f'{name} must be [lowest, highest], not {value!r}')
    else:
        for each in value:
            _check_number(name, each, 0.0, limits)
        if value[0] > value[1]:
            raise RequestError(f'{name} must be [lowest, highest], not {list(value)!r}')


def _check_number(name: str, value: Any, default: Any, limits: Mapping[str, Any]) -> None:
    """RequestError unless `value` is whole where its default is, and within the limits."""
    is_whole = isinstance(default, int)
    is_number = is_integer(value) or (not is_whole and isinstance(value, float))
    is_number = is_number and (is_integer(value) or math.isfinite(value))
    if not is_number or not limits['low'] <= value <= limits['high']:
        kind = 'a whole number' if is_whole else 'a number'
        most = '' if math.isinf(limits['high']) else f' and at most {limits["high"]:.10g}'
        raise RequestError(
            f'{name} must be {kind} of at least {limits["low"]:.10g}{most}, not {value!r}'
        )


def is_integer(value: Any) -> bool:
    """Tell whether it is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def known(owner: type[Any], values: Any, what: str) -> dict[str, Any]:
    """Return `values` if they are by names that `owner` has; else RequestError."""
    if not isinstance(values, Mapping):
        raise RequestError(f'{what} must be names with values, not {values!r}')
    names = [each.name for each in fields(owner)]
    for name in values:
        if name not in names:
            raise RequestError(f'{what} has no {name!r}; there are {", ".join(names)}')
    return dict(values)
