"""`unet_perception synth streets OUT`: renders of streets and their masks.

Knows the options and how to tell of the result; draws nothing itself.
"""

import argparse
import json
import time

from .progress import Bar
from .synth_options import add_rendering_options, quantiles

EPILOG = """\
Each image is another random street as a dash camera sees it: towns, suburbs, works, squares, open
country and highways, by day, dusk and night. All is drawn by this program; no mesh or picture of
others is used. There are no lane lines; `synth lanes` paints them on OUT.

OUT, a new or empty folder, gets
  images/street00012.jpg
  masks/street00012.png     0 background (all but the road, and what stands on it), 1 road
  classes.yaml, groups.csv  each street is a group of its own
  synthesis.json            the command and the versions that draw the same again

  unet_perception synth streets out/streets --images 2000 --seed 1
  unet_perception synth lanes out/streets out/lanes --seed 1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `synth streets` takes."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    add_rendering_options(parser, (320, 512))
    parser.add_argument('--json', action='store_true', help='print what was drawn as JSON')


def run(options: argparse.Namespace) -> int:
    """Draw; 0 when done."""
    from ..core.geometry import Size
    from ..training.synthetic.streets_folder import Job, write_streets

    job = Job(options.images, options.seed, Size(*options.size))
    start = time.monotonic()
    with Bar(quiet=options.json) as bar:
        shares = write_streets(options.out, job, bar.update)
    seconds, road = time.monotonic() - start, quantiles(shares)
    if options.json:
        facts = {'folder': str(options.out), 'images': len(shares)}
        print(json.dumps({**facts, 'seconds': round(seconds, 1), 'road_share': road}, indent=2))
    else:
        print(
            f'{len(shares)} streets in {options.out}; '
            f'median: {100 * road["p50"]:.0f} % of the pixels are road'
        )
    return 0
