"""`unet_perception train DATA OUT`: images and masks in, checkpoint out.

Knows the trainer and how to show its progress.
"""

import argparse
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from ..training.plan import TrainingPlan, plan_from_dict, values_from_yaml
from .progress import Bar

if TYPE_CHECKING:
    from ..training.epoch_report import EpochReport

EPILOG = """\
DATA holds images/NAME.jpg (or .png), masks/NAME.png (8 bits, class ids, 255 = not labelled) and
classes.yaml:

  classes:
  - {id: 0, name: background, color: [0, 0, 0]}
  - {id: 1, name: road, color: [128, 64, 128]}

It is checked before the first step, as `unet_perception check-data DATA` does. OUT gets the best
checkpoint so far (checkpoint.json, weights.*.safetensors), all that is needed to go on after a
kill (state.safetensors: give the same command again), and `tensorboard --logdir OUT` shows
losses, IoU and predictions.

config/training.yaml explains every value that --config may set: the network's variant and widths,
losses, augmentation, schedule. Options given here go before the file's.
"""
OVERRIDES = ('epochs', 'batch', 'size', 'seed')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes."""
    plan = TrainingPlan()
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument('data', type=Path, help='folder with images, masks and classes.yaml')
    parser.add_argument('out', type=Path, help='folder for the checkpoint, written every epoch')
    parser.add_argument('--config', type=Path, help='YAML file with what differs from the default')
    parser.add_argument('--epochs', type=int, help=f'default: {plan.epochs}')
    parser.add_argument('--batch', type=int, help=f'images a step, default: {plan.batch}')
    parser.add_argument('--seed', type=int, help=f'default: {plan.seed}')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        metavar=('HEIGHT', 'WIDTH'),
        help='input size of the network, default: {} {}'.format(*plan.size),
    )
    parser.add_argument('--json', action='store_true', help='one JSON line per epoch')


def run(options: argparse.Namespace) -> int:
    """Train; 0 when done."""
    values = values_from_yaml(options.config) if options.config else {}
    given = {name: getattr(options, name) for name in OVERRIDES}
    plan = plan_from_dict({**values, **{k: v for k, v in given.items() if v is not None}})

    from ..training.trainer import train

    show = _print_json if options.json else _print_line
    with Bar(quiet=options.json) as bar:
        history = train(options.data, options.out, plan, lambda r: bar.above(show, r), bar.update)
    if not options.json:
        _print_end(options, history)
    return 0


def _print_json(report: 'EpochReport') -> None:
    print(json.dumps(report._asdict()), flush=True)


def _print_line(report: 'EpochReport') -> None:
    iou = ', '.join(f'{name} {value or 0:.3f}' for name, value in report.iou.items())
    print(
        f'epoch {report.epoch} of {report.epochs}: loss {report.loss:.4f}, validation '
        f'{report.validation_loss:.4f}, mIoU {report.miou:.4f} ({iou})'
        f'{", best so far" * report.is_best}',
        flush=True,
    )
    for warning in report.warnings:
        print(f'  warning: {warning}', file=sys.stderr, flush=True)


def _print_end(options: argparse.Namespace, history: 'list[EpochReport]') -> None:
    best = max(history, key=lambda report: report.miou)
    last = history[-1]
    early = f'; stopped early, at epoch {last.epoch}' * (last.epoch < last.epochs)
    print(
        f'{options.out}: the checkpoint of epoch {best.epoch}, mIoU {best.miou:.4f}{early}\n'
        f'next: unet_perception calibrate {options.out} {options.data}\n'
        f'then: unet_perception export {options.out} {options.data} MODEL, with an about.json in '
        f'MODEL (copy models/lane/about.json and edit it)'
    )
