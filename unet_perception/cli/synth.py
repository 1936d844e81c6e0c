"""`unet_perception synth WHAT`: labelled images without labelling.

Knows sub-commands by name; what they draw is in their own files, imported when in use.
"""

import argparse
from collections.abc import Sequence
import importlib
from typing import Any

COMMANDS = {
    'tabletop': 'render cluttered tabletops: background 0, object 1, and instance ids',
    'streets': 'render streets as a dash camera sees them: background 0, road 1',
    'lanes': 'paint lane lines on labelled roads: background 0, road 1, line 2',
}
EPILOG = """\
Each writes a data folder as check-data and train read it: images/, masks/, classes.yaml,
groups.csv. The same seed draws the same images, another seed others. --json prints what was drawn
as JSON.

  unet_perception synth tabletop out/tables --images 2000
  unet_perception synth tabletop --help
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `synth` takes."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(
        dest='what', metavar='WHAT', required=True, parser_class=_Command
    )
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(
            name, help=summary, description=summary[0].upper() + summary[1:] + '.'
        )
        sub.set_defaults(what=name)


def run(options: argparse.Namespace) -> int:
    """Draw; 0 when done."""
    return int(_module(options.what).run(options))


class _Command(argparse.ArgumentParser):
    """A parser that learns its arguments when it is used."""

    def parse_known_args(  # type: ignore[override]  # of three overloads
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Import the sub-command's file, then parse."""
        _module(self.get_default('what')).add_arguments(self)
        return super().parse_known_args(args, namespace)


def _module(name: str) -> Any:
    return importlib.import_module(f'.synth_{name}', __package__)
