"""Looks names up in a real module, for a process of its own: MODULE and {name: is it called}.

Knows how bindings show their names; calls none of them, and nothing of who asks.
"""

from importlib import import_module
import json
from operator import attrgetter
import sys


def fault(module, name, is_called):
    """Say what is wrong with a dotted name, or None."""
    try:
        value = attrgetter(name)(module)
    except AttributeError:
        return f'{name} is missing'
    if '.' in name and callable(value) != is_called:
        return f'{name} is {"" if callable(value) else "not "}to be called'
    return None


def main():
    """Print the version of the module's package and every fault, as JSON."""
    module = import_module(sys.argv[1])
    faults = [fault(module, *row) for row in json.loads(sys.argv[2]).items()]
    version = sys.modules[module.__package__].__version__
    print(json.dumps([version, [f for f in faults if f]]))
