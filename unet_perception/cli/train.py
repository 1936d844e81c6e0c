"""`unet_perception train DATA OUT`: images and masks in, checkpoint out.

Knows the trainer and how to show its progress.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.geometry import Size
from ..training.family import UNetConfig
from ..training.plan import TrainingPlan

if TYPE_CHECKING:
    from ..training.trainer import EpochReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes."""
    plan = TrainingPlan()
    parser.add_argument('data', type=Path, help='folder with images/NAME.jpg and masks/NAME.png')
    parser.add_argument('out', type=Path, help='folder for the checkpoint, written every epoch')
    parser.add_argument('--classes', type=int, default=plan.unet.classes, help='default: 2')
    parser.add_argument('--epochs', type=int, default=plan.epochs, help='default: %(default)s')
    parser.add_argument('--batch', type=int, default=plan.batch, help='default: %(default)s')
    parser.add_argument('--seed', type=int, default=plan.seed, help='default: %(default)s')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        metavar=('HEIGHT', 'WIDTH'),
        default=tuple(plan.size),
        help='input size of the network, default: 256 512',
    )
    parser.add_argument('--json', action='store_true', help='one JSON line per epoch')


def run(options: argparse.Namespace) -> int:
    """Train; 0 when done."""
    from ..training.trainer import train

    plan = TrainingPlan(
        unet=UNetConfig(classes=options.classes),
        size=Size(*options.size),
        epochs=options.epochs,
        batch=options.batch,
        seed=options.seed,
    )
    train(options.data, options.out, plan, _print_json if options.json else _print_line)
    if not options.json:
        print(f'checkpoint in {options.out}; next: unet_perception export')
    return 0


def _print_json(report: 'EpochReport') -> None:
    print(json.dumps(report._asdict()), flush=True)


def _print_line(report: 'EpochReport') -> None:
    print(
        f'epoch {report.epoch} of {report.epochs}: loss {report.loss:.4f}, '
        f'validation mIoU {report.miou:.4f}',
        flush=True,
    )
