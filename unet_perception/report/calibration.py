"""The calibration report: how true the confidences are, and how the images usually look.

Knows plain values; not how they were measured.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import page, plots
from .page import Html


def write_calibration_report(
    file: Path,
    names: Sequence[str],
    calibration: Mapping[str, Any],
    reference: Mapping[str, Any],
) -> None:
    """Write one self-contained page; RequestError if it can't be written."""
    parts = (
        _heading(calibration),
        *(_kind(kind, names, calibration) for kind in calibration['before']),
        _confidence(calibration['confidence_histogram']),
        _reference(reference['statistics']),
    )
    page.write_page(file, page.page('Calibration', *parts))


def headline(calibration: Mapping[str, Any]) -> str:
    """Say in one sentence what the temperature does."""
    before, after = calibration['ece_before'], calibration['ece_after']
    return (
        f'Temperature {calibration["temperature"]:.3f}: calibration error {before:.4f} before, '
        f'{after:.4f} after'
    )


def reliability_diagram(calibration: Mapping[str, Any], kind: str) -> Html:
    """Plot accuracy over confidence before and after."""
    return plots.reliability(
        {
            when: [tuple(row[1:]) for row in calibration[when][kind]['bins'] if row[0]]
            for when in ('before', 'after')
        }
    )


def _heading(calibration: Mapping[str, Any]) -> Html:
    detail = (
        f'{calibration["images"]} validation images; what the temperature does is measured on '
        f'each half of them with the one chosen on the other half.'
    )
    return page.heading('Calibration', headline(calibration), detail)


def _kind(kind: str, names: Sequence[str], calibration: Mapping[str, Any]) -> Html:
    """Show one kind of views: the diagram and the errors."""
    before, after = (calibration[when][kind] for when in ('before', 'after'))
    rows = [
        ('negative log-likelihood', before['nll'], after['nll']),
        ('expected calibration error', before['ece'], after['ece']),
        ('within 8 px of a boundary', before['ece_boundary'], after['ece_boundary']),
        *(
            (f'answers with {name}', *errors)
            for name, *errors in zip(names, before['class_ece'], after['class_ece'], strict=True)
        ),
    ]
    table = page.table(('', 'before', 'after'), [(n, _number(b), _number(a)) for n, b, a in rows])
    caption = 'Above the diagonal the network is too modest, below it too sure.'
    diagram = page.figure(reliability_diagram(calibration, kind), caption)
    return page.section(f'Images {kind}', page.grid(diagram, table))


def _confidence(counts: Sequence[int]) -> Html:
    edges = [k / len(counts) for k in range(len(counts) + 1)]
    plot = plots.counted(edges, counts, 'confidence', 'share of pixels')
    caption = 'Confidence of every pixel of the images as they are, calibrated.'
    return page.section('Confidence', page.figure(plot, caption))


def _reference(statistics: Mapping[str, Any]) -> Html:
    """Show how the images usually look."""
    rows = [
        (name, *(f'{edges[at]:.3g}' for at in (0, len(edges) // 2, -1)))
        for name, edges in ((name, each['edges']) for name, each in statistics.items())
    ]
    hint = page.paragraph('Per image, at the size of the network; shares are of the masks.')
    head = ('statistic', 'least', 'median', 'most')
    return page.section('How these images look', hint, page.table(head, rows))


def _number(value: float | None) -> str:
    return '–' if value is None else f'{value:.4f}'
