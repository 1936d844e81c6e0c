"""`unet_perception check-data DIR`: what would ruin a training, before it begins.

Knows the check and the report; changes nothing but `split.json`, which it makes if there is none.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
import json
from pathlib import Path
import sys

import cv2
import numpy as np

from ..core.overlay import bgr_table, overlay
from ..core.scores import IGNORE
from ..report.data import DataSummary, Thumbnail, headline, write_data_report
from ..training.check import DataCheck, PairFacts, check_folder
from ..training.dataset import read_pair
from .progress import Bar

EPILOG = """\
DIR holds images/NAME.jpg (or .png), masks/NAME.png (8 bits, class ids, 255 = not labelled) and
classes.yaml (classes: [{id: 0, name: background, color: [0, 0, 0]}, ...]); groups.csv
(name,group), if there is one, keeps images of one drive or scene on one side of the split.

Errors: images without masks and masks without images, damaged files, sizes that differ, ids
outside the classes, classes without pixels, the same image in training and in validation.
Warnings: empty masks, rare classes, images there twice. Exit code: 0 no errors, 2 errors.

DIR/split.json is written if there is none: whole blocks of neighbours go to validation. Edit it to
split otherwise; it is never overwritten.
"""
EXAMPLES, WIDTH = 12, 480


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `check-data` takes."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument('data', type=Path, help='folder with images, masks and classes.yaml')
    parser.add_argument(
        '--report', type=Path, help='the HTML page to write, default: DIR/report.html'
    )
    parser.add_argument('--json', action='store_true', help='print what was found as JSON')


def run(options: argparse.Namespace) -> int:
    """Check, report; 0 if the data can be trained on, else 2."""
    with Bar(quiet=options.json) as bar:
        check = check_folder(options.data, bar.update)
    summary = summary_of(options.data, check)
    if options.json:
        print(json.dumps(summary._asdict(), indent=2))
    else:
        _print(summary)
    file = options.report or options.data / 'report.html'
    write_data_report(file, summary, list(_thumbnails(check)))
    if not options.json:
        print(f'report: {file}')
    return 2 if summary.errors else 0


def summary_of(folder: Path, check: DataCheck) -> DataSummary:
    """Return what is told of the folder."""
    split = check.split._asdict() if check.split else {}
    sizes = Counter(f'{fact.size.width}x{fact.size.height}' for fact in check.facts)
    groups = {'all': None, **split}
    return DataSummary(
        folder=str(folder),
        pairs=len(check.facts),
        sides={side: len(pairs) for side, pairs in split.items()},
        sizes=dict(sizes),
        shares={name: check.shares(pairs) for name, pairs in groups.items()},
        errors=check.errors,
        warnings=[finding.sentence for finding in check.findings if not finding.is_error],
        sha256=check.sha256,
    )


def _print(summary: DataSummary) -> None:
    for sentence in summary.errors:
        print(f'error: {sentence}', file=sys.stderr)
    for sentence in summary.warnings:
        print(f'warning: {sentence}', file=sys.stderr)
    for name, share in summary.shares['all'].items():
        print(f'  {name:16} {100 * share:6.2f} % of the labelled pixels')
    for side, pairs in summary.sides.items():
        print(f'  {side:16} {pairs:6} pairs')
    print(headline(summary))


def _thumbnails(check: DataCheck) -> Iterator[Thumbnail]:
    """Yield pictures of the pairs that show most of a class, and of some from all over."""
    colors = bgr_table([entry.color for entry in check.classes])
    for fact in _examples(check):
        image, mask = read_pair(fact.pair, len(check.classes))
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        both = np.hstack([bgr, overlay(bgr, mask, colors)])
        height = max(1, round(both.shape[0] * 2 * WIDTH / both.shape[1]))
        small = cv2.resize(both, (2 * WIDTH, height), interpolation=cv2.INTER_AREA)
        jpeg = cv2.imencode('.jpg', small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
        yield Thumbnail(_caption(check, fact), jpeg)


def _caption(check: DataCheck, fact: PairFacts) -> str:
    """Name a pair, its side and what it shows."""
    names = {entry.id: entry.name for entry in check.classes[1:]} | {IGNORE: 'not labelled'}
    total = fact.counts.sum()
    shown = [
        f'{n} {100 * fact.counts[k] / total:.0f} %' for k, n in names.items() if fact.counts[k]
    ]
    sides = check.split._asdict().items() if check.split else ()
    side = next((f' ({side})' for side, pairs in sides if fact.pair in pairs), '')
    return f'{fact.pair.name}{side}: {", ".join(shown) or "background"}'


def _examples(check: DataCheck) -> list[PairFacts]:
    """Return what is worth a look, each once."""
    if not check.facts:
        return []
    counts = np.array([fact.counts for fact in check.facts])
    most = [check.facts[int(counts[:, entry.id].argmax())] for entry in check.classes[1:]]
    every = max(1, len(check.facts) // EXAMPLES)
    chosen = [*most, *check.facts[::every][:EXAMPLES]]
    return list({fact.pair: fact for fact in chosen}.values())
