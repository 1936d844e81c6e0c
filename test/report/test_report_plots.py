"""Plots are well-formed, repeatable and in the page's colours; pictures stay small."""

from collections.abc import Callable
import re
from xml.etree import ElementTree as ET

import cv2
import matplotlib as mpl
import numpy as np
import pytest

from unet_perception.report import plots
from unet_perception.report.page import Html

VALUES = np.random.default_rng(0).gamma(9.0, 3.0, 300)
SECONDS = np.arange(300) / 25.0
NOISE = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8)


def _histogram() -> Html:
    return plots.histogram(VALUES, {'p50': 26.0, 'p95': 44.0}, 'ms', 'latency', 'masks')


def _timeline() -> Html:
    return plots.timeline(SECONDS, VALUES, 'time [s]', 'latency [ms]')


def _bars() -> Html:
    return plots.bars([plots.Bar('a < b', 2.0, 3.0, '$2 to $3'), plots.Bar('b', 1, 1, '')], 'ms')


def _reliability() -> Html:
    return plots.reliability({'before': [(0.5, 0.4), (0.9, 0.7)], 'after': [(0.6, 0.6)]})


def _counted() -> Html:
    return plots.counted([0.0, 0.5, 1.0], [3, 1], 'confidence', 'share')


PLOTS = [_histogram, _timeline, _bars, _reliability, _counted]


def _words(svg: str) -> list[str]:
    words = (element.text for element in ET.fromstring(svg).iter())
    return [word for word in words if word and word.strip()]


@pytest.mark.parametrize('plot', PLOTS)
def test_equal_data_give_equal_bytes_whatever_the_settings(plot: Callable[[], Html]) -> None:
    first = plot()
    with mpl.rc_context({'font.size': 20.0, 'axes.grid': True}):
        assert plot() == first


@pytest.mark.parametrize('plot', PLOTS)
def test_a_plot_has_only_colours_of_the_page(plot: Callable[[], Html]) -> None:
    svg = plot()
    assert 'var(--' in svg
    assert not re.search(r'(fill|stroke): *#', svg)


@pytest.mark.parametrize('plot', PLOTS)
def test_plotting_leaves_the_settings_as_they_were(plot: Callable[[], Html]) -> None:
    before = dict(mpl.rcParams)
    plot()
    assert dict(mpl.rcParams) == before


def test_a_histogram_names_its_marks_and_units() -> None:
    words = _words(_xml(_histogram()))
    assert {'p50', '26.0 ms', 'p95', '44.0 ms', 'latency [ms]', 'masks'} <= set(words)


def test_a_histogram_counts_what_it_leaves_out() -> None:
    values = np.append(np.full(99, 10.0), 5000.0)
    words = _words(_xml(plots.histogram(values, {'p95': 10.0}, 'ms', 'latency', 'masks')))
    assert '1 above' in words


@pytest.mark.parametrize('value', [0.0, -3.0, 12.5])
def test_one_value_is_enough(value: float) -> None:
    one = np.array([value])
    assert 'latency [ms]' in plots.histogram(one, {'p50': value}, 'ms', 'latency', 'masks')
    assert 'latency [ms]' in plots.timeline(one, one, 'time [s]', 'latency [ms]')


def test_a_long_timeline_is_thinned_but_keeps_its_peak() -> None:
    values = np.ones(50_000)
    values[31_234] = 70.0
    svg = plots.timeline(np.arange(50_000.0), values, 'time [s]', 'latency [ms]')
    assert svg.count('<use') < plots.MAX_DOTS + 50
    assert '70' in _words(_xml(svg))


def test_words_in_bars_are_not_read_as_mathematics() -> None:
    assert {'a < b', '$2 to $3'} <= set(_words(_xml(_bars())))


def test_noise_is_shrunk_until_it_fits() -> None:
    data = plots.jpeg_from_bgr(NOISE)
    assert len(data) <= plots.MAX_JPEG_BYTES


def test_a_small_image_keeps_its_size() -> None:
    data = np.frombuffer(plots.jpeg_from_bgr(NOISE[:90, :160]), np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (90, 160, 3)


def _xml(svg: str) -> str:
    return svg.replace('<svg', '<svg xmlns:xlink="http://www.w3.org/1999/xlink"', 1)


@pytest.mark.parametrize('plot', PLOTS)
def test_a_plot_can_stand_alone_as_a_file(plot: Callable[[], Html]) -> None:
    text = plots.svg_file(plot()).decode()
    assert ET.fromstring(text).tag == '{http://www.w3.org/2000/svg}svg'
    assert 'var(--' not in text


def test_a_reliability_diagram_names_its_lines() -> None:
    words = _words(plots.svg_file(_reliability()).decode())
    assert {'before', 'after', 'confidence', 'accuracy'} <= set(words)
