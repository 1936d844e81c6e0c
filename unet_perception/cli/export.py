"""`unet_perception export CHECKPOINT DATA MODEL`: a checkpoint becomes a model folder.

Knows the exporter and how to show its progress.
"""

import argparse
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from ..core.geometry import Size
from ..core.manifest import IO_TYPES, PRECISIONS
from ..export.about import ABOUT, ABOUT_FIELDS
from .progress import Bar

if TYPE_CHECKING:
    from ..export.model_folder import Exported

EPILOG = f"""\
MODEL holds {ABOUT} with what only people can say:
{', '.join(ABOUT_FIELDS)}.
It gets, for each size and precision, an ONNX file with pre- and post-processing inside, a golden
image for each size, the manifest, a card with scores, reliability and failures, and SHA256SUMS.

fp16 has half-precision weights and convolutions. int8 has quantised convolutions, but for the
depthwise ones and the last; how large activations get is learned from training images.

Every file is tried on the validation images, and built by TensorRT for RTX where that is
installed. If a class loses more than 1 point of IoU against fp32, or another check fails, nothing
is published, and the exit code is 1: leave that precision out, or train longer.

  unet_perception calibrate checkpoint data          first: true confidences
  unet_perception export checkpoint data my_model --sizes 256x512,192x384
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `export` takes."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        'checkpoint', metavar='CHECKPOINT', type=Path, help='folder that `train` wrote'
    )
    parser.add_argument(
        'data', metavar='DATA', type=Path, help='the data it was trained on, for the scores'
    )
    parser.add_argument('model', metavar='MODEL', type=Path, help=f'model folder with {ABOUT}')
    parser.add_argument(
        '--sizes',
        type=_sizes,
        default=(),
        help='operating points, height x width with commas between (256x512,192x384); default: '
        'the size it was trained at',
    )
    parser.add_argument(
        '--precisions',
        type=_precisions,
        default=PRECISIONS,
        help=f'which of {",".join(PRECISIONS)}, with commas between; default: all. fp32 is always '
        'made: the others are compared with it',
    )
    parser.add_argument(
        '--io',
        choices=IO_TYPES,
        default='uint8',
        help='type of what goes in and comes out; float32 is for runtimes that refuse uint8',
    )
    parser.add_argument('--json', action='store_true', help='print scores and files as JSON')


def run(options: argparse.Namespace) -> int:
    """Export and try; 0 when published, 1 if a file was refused."""
    from ..export.model_folder import Wish, export_model

    wish = Wish(options.sizes, options.precisions, options.io)
    words = (options.checkpoint, options.data, options.model)
    with Bar(quiet=options.json) as bar:
        exported = export_model(*words, bar.update, wish)
    if options.json:
        print(json.dumps(_facts(exported), indent=2))
    else:
        _print(exported)
    for refusal in exported.refusals:
        print(f'unet_perception export: {refusal}', file=sys.stderr)
    return 1 if exported.refusals else 0


def _facts(exported: 'Exported') -> dict[str, object]:
    scores = {f'{h}x{w}': each.as_json() for (h, w), each in exported.scores.items()}
    files = {
        outcome.artifact.file.file: {
            'iou': outcome.iou,
            'class_iou_to_fp32': outcome.class_iou_to_fp32,
            'refusal': outcome.refusal,
        }
        for outcome in exported.outcomes
    }
    return {'scores': scores, 'files': files}


def _print(exported: 'Exported') -> None:
    print('refused; nothing was published' if exported.refusals else exported.folder)
    for (height, width), scores in exported.scores.items():
        print(f'  {height}x{width}: mIoU {scores.miou:.4f}, ECE {scores.ece:.4f}')
    for outcome in exported.outcomes:
        iou = ', '.join('–' if v is None else f'{v:.4f}' for v in outcome.iou)
        size = outcome.artifact.file.bytes / 1e6
        print(f'  {outcome.artifact.file.file}: {size:.2f} MB, IoU {iou}')


def _precisions(text: str) -> list[str]:
    """Read a list of precisions, or say which there are."""
    names = text.split(',')
    for name in names:
        if name not in PRECISIONS:
            raise argparse.ArgumentTypeError(f'{name!r} is none of {", ".join(PRECISIONS)}')
    return names


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
