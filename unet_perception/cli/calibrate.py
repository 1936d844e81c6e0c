"""`unet_perception calibrate CHECKPOINT DATA`: confidences that mean what they say.

Knows the calibration and how to show it; changes no weights.
"""

import argparse
import json
from pathlib import Path
import sys

from ..core.calibration import LEAST, MOST
from .progress import Bar

EPILOG = """\
One number, the temperature, divides the network's logits before the softmax (Guo et al. 2017). It
is chosen on the validation images of DATA by their likelihood: as they are, and once more in
other light, weather and sensors, since a network is too sure of itself on images unlike those it
was trained on. DATA is the folder of the training, or another one with the same classes.

CHECKPOINT gets
  calibration.json    temperature; calibration error before and after, overall, by class and near
                      boundaries; histograms of confidence, light, colour, sharpness and class
                      shares: a reference of how images look
  calibration.html    the same with reliability diagrams, to look at

`unet_perception export` puts all of it into the model. Weights and masks stay as they are.

  unet_perception calibrate checkpoint data
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `calibrate` takes."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        'checkpoint', metavar='CHECKPOINT', type=Path, help='folder that `train` wrote'
    )
    parser.add_argument(
        'data', metavar='DATA', type=Path, help='labelled images; those of validation are used'
    )
    parser.add_argument('--json', action='store_true', help='print what was found as JSON')


def run(options: argparse.Namespace) -> int:
    """Calibrate and report; 0 when done."""
    from ..export.calibrate import calibrate
    from ..export.calibration_file import Calibration, save_calibration
    from ..report.calibration import headline, write_calibration_report
    from ..training.labels import classes_from_folder

    with Bar(quiet=options.json) as bar:
        calibrated = calibrate(options.checkpoint, options.data, bar.update)
    found = Calibration(calibrated.as_json(), calibrated.reference())
    file = save_calibration(options.checkpoint, calibrated.weights, found)
    names = [entry.name for entry in classes_from_folder(options.data)]
    report = file.with_suffix('.html')
    write_calibration_report(report, names, *found)
    if not 1.01 * LEAST < found.temperature < MOST / 1.01:
        print(
            f'unet_perception calibrate: temperature {found.temperature:.3g} is at its limit: the '
            f'labels are too few, or odd; look at {report}',
            file=sys.stderr,
        )
    if options.json:
        print(json.dumps(found._asdict(), indent=2))
    else:
        print(headline(found.calibration))
        for kind, after in found.calibration['after'].items():
            before = found.calibration['before'][kind]
            print(f'  images {kind}: {before["ece"]:.4f} before, {after["ece"]:.4f} after')
        print(f'{file}\nreport: {report}')
    return 0
