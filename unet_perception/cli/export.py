"""`unet_perception export CHECKPOINT DATA MODEL`: a checkpoint becomes a model folder.

Knows the exporter and how to show its progress.
"""

import argparse
import json
from pathlib import Path
import sys

from ..export.about import ABOUT, ABOUT_FIELDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `export` takes."""
    parser.add_argument('checkpoint', type=Path, help='folder that `train` wrote')
    parser.add_argument('data', type=Path, help='the data it was trained on, for the scores')
    parser.add_argument(
        'model', type=Path, help=f'model folder with {ABOUT} ({", ".join(ABOUT_FIELDS)})'
    )
    parser.add_argument('--json', action='store_true', help='print the scores as JSON')


def run(options: argparse.Namespace) -> int:
    """Export and score; 0 when done."""
    from ..export.model_folder import export_model

    exported = export_model(options.checkpoint, options.data, options.model, _show)
    if options.json:
        print(json.dumps(exported.scores._asdict(), indent=2))
    else:
        scores = exported.scores
        print(f'{exported.folder}: mIoU {scores.miou:.4f}, ECE {scores.ece:.4f}')
    return 0


def _show(message: str) -> None:
    """Show progress on a terminal, where the next line takes its place."""
    if sys.stderr.isatty():
        print(f'\r{message:60}', end='\r', file=sys.stderr, flush=True)
