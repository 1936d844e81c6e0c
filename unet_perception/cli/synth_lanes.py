"""`unet_perception synth lanes ROADS [ROADS ...] OUT`: lane lines painted on photos of roads.

Knows the request, the progress bar and what is printed.
"""

import argparse
import json
from pathlib import Path

from .progress import Bar

EPILOG = """\
Each ROADS holds images/NAME.jpg (or .png), masks/NAME.png (class ids, 255 = not labelled) and
classes.yaml with a class named road. OUT gets the same photos with lines painted on the road, some
under another sky, with pavements beside the road or in other colours, and masks of background 0,
road 1, line 2 and 255 where the photo may show real markings. Photos that a folder's split.json
keeps for validation are kept for it in OUT, with lines and nothing else changed; a folder without
split.json is used for training only, if another has one.

  unet_perception synth lanes roads out/lanes --variants 2 --seed 1
  unet_perception synth lanes roads out/streets out/lanes
  unet_perception check-data out/lanes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `synth lanes` takes."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        'roads', metavar='ROADS', type=Path, nargs='+', help='folders of labelled road photos'
    )
    parser.add_argument('out', metavar='OUT', type=Path, help='a new or empty folder')
    parser.add_argument(
        '--variants', type=int, default=1, help='painted images a photo, default: 1'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='another seed paints others, default: 0'
    )
    parser.add_argument('--json', action='store_true', help='print what was written as JSON')


def run(options: argparse.Namespace) -> int:
    """Paint; 0 when all is written."""
    from ..training.synthetic.lanes import Job, synthesize_lanes

    job = Job(tuple(options.roads), options.variants, options.seed)
    with Bar(quiet=options.json) as bar:
        summary = synthesize_lanes(job, options.out, bar.update)
    if options.json:
        print(json.dumps(summary._asdict(), indent=2))
        return 0
    print(summary.folder)
    print(
        f'  {summary.images} images, {summary.without_plausible_road} without a plausible road; '
        f'of the road, line {summary.line_share:.1%}, ignored {summary.ignored_share:.1%} '
        f'(for real markings {summary.real_share:.1%}; medians)'
    )
    return 0
