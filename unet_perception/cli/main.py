"""Finds the verb, runs it, and turns errors into one sentence and an exit code.

Knows verbs by name; what they do is in their own files.
Exit codes: 0 done, 1 the answer is no (a check failed), 2 the request or the data is wrong.
"""

import argparse
import importlib
import sys

from .. import __version__
from ..errors import UnetPerceptionError

VERBS = {
    'demo': 'segment sample footage over real ROS 2 topics, and report',
    'doctor': 'check that this machine can serve: ROS 2, transport, engines, model',
    'check-model': 'verify every byte, precision, inputs, outputs and golden of a model folder',
    'build-engine': 'build TensorRT plans of a model for the GPU of this machine',
    'check-data': 'find what would ruin a training: pairs, ids, sizes, duplicates, shares',
    'synth': 'draw labelled images: tabletops in a simulator, streets, lane lines on roads',
    'train': 'train the U-Net on a folder of images and masks',
    'calibrate': 'make the confidences of a checkpoint mean what they say',
    'export': 'turn a checkpoint into a model folder',
}
EXTRA = "'.[train]' in the source folder"
TRAINING = ('kornia', 'mujoco', 'onnx', 'safetensors', 'tensorboard', 'torch')
CURES = {'cv2': 'opencv-python-headless', 'yaml': 'PyYAML', **dict.fromkeys(TRAINING, EXTRA)}


def main(arguments: list[str] | None = None) -> int:
    """Run `unet_perception VERB …`; return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    verb = arguments[0] if arguments else ''
    try:  # importing the verb's file may already find a library missing
        options = _parser(verb).parse_args(arguments)
        return int(options.run(options))
    except (UnetPerceptionError, OSError) as exc:
        print(f'unet_perception {verb}: {exc}', file=sys.stderr)
        return 2
    except ModuleNotFoundError as exc:
        package = (exc.name or '').partition('.')[0]
        cure = f'pip install {CURES.get(package, package)}'
        print(f'unet_perception {verb}: {package} is missing; {cure}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'\nunet_perception {verb}: interrupted', file=sys.stderr)
        return 130


def _parser(verb: str) -> argparse.ArgumentParser:
    """Build the parser; only the file of the verb in use is imported."""
    parser = argparse.ArgumentParser(
        prog='unet_perception',
        description='U-Net masks with confidence for robots, over ROS 2.',
        epilog='unet_perception VERB --help tells more. The node itself: '
        'ros2 launch unet_perception segmentation.launch.py',
    )
    parser.add_argument('--version', action='version', version=__version__)
    verbs = parser.add_subparsers(dest='verb', metavar='VERB', required=True)
    for name, summary in VERBS.items():
        sub = verbs.add_parser(name, help=summary, description=summary[0].upper() + summary[1:])
        if name == verb:
            module = importlib.import_module(f'.{name.replace("-", "_")}', __package__)
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser
