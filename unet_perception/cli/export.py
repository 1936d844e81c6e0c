"""`unet_perception export CHECKPOINT DATA MODEL`: a checkpoint becomes a model folder.

Knows the exporter and how to show its progress.
"""

import argparse
import json
from pathlib import Path

from ..core.geometry import Size
from ..export.about import ABOUT, ABOUT_FIELDS
from .progress import Bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `export` takes."""
    parser.add_argument('checkpoint', type=Path, help='folder that `train` wrote')
    parser.add_argument('data', type=Path, help='the data it was trained on, for the scores')
    parser.add_argument(
        'model', type=Path, help=f'model folder with {ABOUT} ({", ".join(ABOUT_FIELDS)})'
    )
    parser.add_argument(
        '--sizes',
        type=_sizes,
        default=(),
        help='operating points, height x width with commas between (256x512,192x384); default: '
        'the size it was trained at',
    )
    parser.add_argument('--json', action='store_true', help='print the scores as JSON')


def run(options: argparse.Namespace) -> int:
    """Export and score; 0 when done."""
    from ..export.model_folder import export_model

    words = (options.checkpoint, options.data, options.model)
    with Bar(quiet=options.json) as bar:
        exported = export_model(*words, bar.update, options.sizes)
    scored = {f'{size.height}x{size.width}': each for size, each in exported.scores.items()}
    if options.json:
        print(json.dumps({name: each.as_json() for name, each in scored.items()}, indent=2))
    else:
        print(exported.folder)
        for name, (_, scores) in scored.items():
            print(f'  {name}: mIoU {scores.miou:.4f}, ECE {scores.ece:.4f}')
    return 0


def _sizes(text: str) -> list[Size]:
    """Read a list of sizes, or say how one is written."""
    sizes = []
    for part in text.split(','):
        height, _, width = part.partition('x')
        if not (height.isdecimal() and width.isdecimal()):
            raise argparse.ArgumentTypeError(
                f'{part!r} is no size; write height x width, as in 256x512,192x384'
            )
        sizes.append(Size(int(height), int(width)))
    return sizes
