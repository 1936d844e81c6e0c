"""`unet_perception synth tabletop OUT`: renders of cluttered tables and their masks.

Knows the options and how to tell of the result; draws nothing itself.
"""

import argparse
import json
import time

from .progress import Bar
from .synth_options import add_rendering_options, quantiles

EPILOG = """\
A scene is a random room, table, light and heap of 8 to 20 things let fall by MuJoCo: packages
with print, bottles, cans, cups, bowls, tools, fruit, toys. All are drawn by this program; no mesh
or picture of others is used. --views pictures are taken of each scene.

OUT, a new or empty folder, gets
  images/scene00012_2.jpg      the third view of scene 12
  masks/scene00012_2.png       0 background (table, floor, room), 1 object on the table
  instances/scene00012_2.png   0 none, k the k-th object of the scene
  classes.yaml, groups.csv     the views of a scene are one group: never split them
  synthesis.json               the command and the versions that draw the same again

Needs MuJoCo (pip install '.[train]' in the source folder) and an EGL library (apt install
libegl1 libgl1-mesa-dri); no window, no GPU.

  unet_perception synth tabletop out/tables --images 2000 --seed 1
  unet_perception synth tabletop out/unseen --only mug,banana
  unet_perception check-data out/tables
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `synth tabletop` takes."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    add_rendering_options(parser, (240, 320))
    parser.add_argument('--views', type=int, default=4, help='pictures of a scene, default: 4')
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument(
        '--only',
        type=_names,
        metavar='KIND,KIND',
        help='only these kinds of things, as mug,banana (a wrong name lists all); default: all',
    )
    kinds.add_argument(
        '--without',
        type=_names,
        metavar='KIND,KIND',
        default=(),
        help='all kinds but these, so that they stay unseen',
    )
    parser.add_argument('--json', action='store_true', help='print what was drawn as JSON')


def run(options: argparse.Namespace) -> int:
    """Draw; 0 when done."""
    from ..core.geometry import Size
    from ..training.synthetic.catalogue import NAMES, check_kinds
    from ..training.synthetic.tabletop_folder import Job, write_tabletops

    check_kinds(options.without)
    kinds = options.only or tuple(name for name in NAMES if name not in options.without)
    job = Job(options.images, options.seed, Size(*options.size), options.views, kinds)
    start = time.monotonic()
    with Bar(quiet=options.json) as bar:
        drawn = write_tabletops(options.out, job, bar.update)
    seconds = time.monotonic() - start
    shares, objects = quantiles(drawn.object_shares), quantiles(drawn.objects)
    if options.json:
        facts = {'folder': str(options.out), 'images': len(drawn.objects), 'scenes': drawn.scenes}
        told = {'seconds': round(seconds, 1), 'object_share': shares, 'objects': objects}
        print(json.dumps({**facts, **told}, indent=2))
    else:
        print(
            f'{len(drawn.objects)} images of {drawn.scenes} scenes in {options.out}; median: '
            f'{objects["p50"]:g} objects, {100 * shares["p50"]:.0f} % of the pixels'
        )
    return 0


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(','))
