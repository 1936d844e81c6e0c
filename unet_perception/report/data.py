"""The data report: what is wrong with a folder of images and masks, and how it looks.

Knows plain values and pictures; not how they were found.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from . import page
from .page import Html


class DataSummary(NamedTuple):
    """What is told of a folder, as plain values."""

    folder: str
    pairs: int
    sides: Mapping[str, int]
    """Pairs by side of the split; empty if there is none."""
    sizes: Mapping[str, int]
    """Pairs by image size, as 640x480."""
    shares: Mapping[str, Mapping[str, float]]
    """Each class's share of the labelled pixels, by group of pairs (all, training, …)."""
    errors: Sequence[str]
    warnings: Sequence[str]
    sha256: str


class Thumbnail(NamedTuple):
    """An image beside its overlay."""

    caption: str
    jpeg: bytes


MOST_FINDINGS = 200


def write_data_report(file: Path, summary: DataSummary, thumbnails: Sequence[Thumbnail]) -> None:
    """Write the report as one self-contained page; RequestError if it can't be written."""
    parts = (
        _heading(summary),
        *_findings('Errors: nothing is trained until they are mended', summary.errors),
        *_findings('Warnings', summary.warnings),
        _shares(summary),
        _facts(summary),
        _thumbnails(thumbnails),
    )
    page.write_page(file, page.page('Data report', *parts))


def headline(summary: DataSummary) -> str:
    """Say in one sentence whether the data can be trained on."""
    errors, warnings = len(summary.errors), len(summary.warnings)
    told = f', {warnings} warning{"s" * (warnings != 1)}' if warnings else ''
    if errors:
        return f'{errors} error{"s" * (errors != 1)}{told}: not to be trained on as it is'
    return f'{summary.pairs} pairs of image and mask can be trained on{told}'


def _heading(summary: DataSummary) -> Html:
    return page.heading(
        'unet_perception check-data',
        headline(summary),
        summary.folder,
        alarm=bool(summary.errors),
    )


def _findings(title: str, sentences: Sequence[str]) -> list[Html]:
    if not sentences:
        return []
    rows = [(str(k), sentence) for k, sentence in enumerate(sentences[:MOST_FINDINGS], 1)]
    more = len(sentences) - len(rows)
    rest = [page.paragraph(f'{more} more are not shown.')] if more else []
    return [page.section(title, page.table((), rows, numeric=False), *rest)]


def _shares(summary: DataSummary) -> Html:
    """Return a table of class shares, a column for each group of pairs."""
    names = list(next(iter(summary.shares.values())))
    rows = [
        (name, *(page.percent(shares[name]) for shares in summary.shares.values()))
        for name in names
    ]
    header = ('class', *summary.shares)
    return page.section('Share of the labelled pixels', page.table(header, rows))


def _facts(summary: DataSummary) -> Html:
    sizes = sorted(summary.sizes.items(), key=lambda item: -item[1])
    shown = ', '.join(f'{size} ({count})' for size, count in sizes[:8])
    more = f' and {len(sizes) - 8} more' if len(sizes) > 8 else ''
    sides = ', '.join(f'{count} {side}' for side, count in summary.sides.items())
    rows = [
        ('pairs', str(summary.pairs)),
        ('split', sides or 'none is made while there are errors'),
        ('sizes, width x height', shown + more),
        ('version of data and split', summary.sha256 or 'none'),
    ]
    return page.section('Facts', page.table((), rows, numeric=False))


def _thumbnails(thumbnails: Sequence[Thumbnail]) -> Html:
    pictures = [page.picture(each.jpeg, each.caption) for each in thumbnails]
    hint = page.paragraph(
        'Image and overlay. Background stays as it is; what is not labelled is dark. Of each '
        'class the image that shows most of it, then images from all over the folder.'
    )
    return page.section('A look at the labels', hint, page.grid(*pictures))
