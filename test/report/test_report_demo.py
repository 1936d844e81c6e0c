"""The demo's page says what happened, shows it, and needs nothing but itself."""

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unet_perception.report.demo import (
    COUNTERS,
    DemoTrace,
    Still,
    headline,
    is_alarming,
    losses,
    write_demo_report,
)

VOID = {'meta', 'img', 'link', 'br', 'hr', 'input'}
NAMES = ('p50', 'p95', 'p99', 'max')
TIMES = dict(zip(NAMES, (24.5, 31.0, 40.0, 120.0), strict=True))
NO_TIMES = dict.fromkeys(NAMES)
STAGES = ('decode', 'preprocess', 'inference', 'postprocess', 'publish')
GOOD: dict[str, Any] = {
    'frames_sent': 375,
    'frames_received': 375,
    'lost_in_transport': 0,
    'masks_published': 374,
    'masks_received': 374,
    'counters': {**dict.fromkeys(COUNTERS, 0), 'published': 374, 'displaced': 1},
    'fps': 24.9,
    'latency_ms': TIMES,
    'engine_ms': {'p50': 16.2, 'p95': 20.1},
    'stages_ms': dict.fromkeys(STAGES, TIMES),
    'class_share': {'background': 0.66, 'road': 0.31, 'line': 0.03},
    'offline_equal': True,
    'backend': 'openvino (CPU, fp32)',
    'model': 'road 1.0.0',
}
NOTHING = GOOD | {
    'frames_received': 0,
    'lost_in_transport': 375,
    'masks_published': 0,
    'masks_received': 0,
    'counters': dict.fromkeys(GOOD['counters'], 0),
    'fps': None,
    'latency_ms': NO_TIMES,
    'engine_ms': None,
    'stages_ms': dict.fromkeys(STAGES, NO_TIMES),
    'class_share': {},
    'offline_equal': None,
}
TRACE = DemoTrace(np.arange(374) / 25.0, np.random.default_rng(0).gamma(9.0, 3.0, 374))
NO_TRACE = DemoTrace(np.empty(0), np.empty(0))
IMAGE = np.full((54, 96, 3), 90, np.uint8)
STILLS = [Still('Frame 1', IMAGE), Still('Frame 2', IMAGE)]


class Page(HTMLParser):
    """A page taken apart: its tags, attributes and words; fails if tags are not balanced."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ''
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or '') for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data.replace('\N{NO-BREAK SPACE}', ' ')


def _source(folder: Path, summary: dict[str, Any] = GOOD, stills: list[Still] = STILLS) -> str:
    trace = TRACE if summary['masks_received'] else NO_TRACE
    write_demo_report(folder / 'demo.html', summary, trace, stills)
    return (folder / 'demo.html').read_text(encoding='utf-8')


def test_the_page_shows_stills_first_then_figures_and_plots(tmp_path: Path) -> None:
    page = Page(_source(tmp_path))
    count = Counter(page.tags)
    assert (count['img'], count['svg'], count['h1']) == (2, 3, 1)
    assert page.tags.index('img') < page.tags.index('table') < page.tags.index('svg')
    for said in ('road 1.0.0', 'openvino (CPU, fp32)', 'p95 31.0 ms', '31.0 %', 'displaced'):
        assert said in page.words


def test_the_page_refers_to_nothing_outside_itself(tmp_path: Path) -> None:
    source = _source(tmp_path)
    page = Page(source)
    assert '//' not in ''.join(value for name, value in page.attributes if name != 'src')
    assert all(v.startswith('data:image/') for name, v in page.attributes if name == 'src')
    assert all(v.startswith('#') for name, v in page.attributes if name.endswith('href'))
    assert not {'script', 'link', 'iframe', 'object'} & set(page.tags)
    assert 'http:' not in source
    assert 'https:' not in source
    assert '@import' not in source


def test_ids_are_unique_and_every_reference_is_met(tmp_path: Path) -> None:
    attributes = Page(_source(tmp_path)).attributes
    ids = [value for name, value in attributes if name == 'id']
    used = {value[1:] for name, value in attributes if name.endswith('href')}
    used |= {v[5:-1] for name, v in attributes if v.startswith('url(#')}
    assert len(ids) == len(set(ids))
    assert used <= set(ids)


def test_equal_runs_give_equal_pages(tmp_path: Path) -> None:
    assert _source(tmp_path) == _source(tmp_path)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>$\\frac{'
    summary = GOOD | {'model': evil, 'backend': evil, 'class_share': {evil: 0.5}}
    page = Page(_source(tmp_path, summary, [Still(evil, IMAGE)]))
    assert 'script' not in page.tags
    assert page.words.count(evil) == 4
    assert ('alt', evil) in page.attributes


def test_a_run_without_masks_still_gets_its_page(tmp_path: Path) -> None:
    page = Page(_source(tmp_path, NOTHING, []))
    assert 'None of 375 frames came back as a mask' in page.words
    assert '375 never reached the node.' in page.words
    assert 'no latency was measured' in page.words
    assert 'n/a' in page.words
    assert 'svg' not in page.tags


def test_a_dot_for_several_masks_says_so(tmp_path: Path) -> None:
    trace = DemoTrace(np.arange(5000.0), np.ones(5000))
    write_demo_report(tmp_path / 'demo.html', GOOD, trace, [])
    assert 'Each dot is the slowest of 3 masks.' in (tmp_path / 'demo.html').read_text()


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({}, '374 of 375 frames came back as masks, each equal bit for bit'),
        ({'offline_equal': False}, 'but not all equal'),
        ({'offline_equal': None}, 'not compared with the offline pipeline'),
        ({'masks_received': 0}, 'None of 375 frames'),
        ({'masks_received': 0, 'frames_sent': 1}, 'None of 1 frame came'),
        ({'frames_sent': 0}, 'No frame was sent'),
    ],
)
def test_the_headline_tells_the_outcome(change: dict[str, Any], said: str) -> None:
    assert said in headline(GOOD | change)


def test_a_healthy_run_is_no_alarm() -> None:
    assert not is_alarming(GOOD)


@pytest.mark.parametrize(
    'change',
    [
        {'offline_equal': False},
        {'masks_received': 100},
        {'counters': GOOD['counters'] | {'displaced': 0, 'malformed': 1}},
        {'counters': GOOD['counters'] | {'displaced': 0, 'failed': 1}},
        {'counters': GOOD['counters'] | {'displaced': 0}},
        {'counters': GOOD['counters'] | {'displaced': 9}},
    ],
)
def test_a_fault_is_an_alarm(change: dict[str, Any]) -> None:
    assert is_alarming(GOOD | change)


def test_losses_name_every_missing_frame() -> None:
    counters = {'published': 360, 'displaced': 4, 'malformed': 3, 'failed': 0, 'eaten': 2}
    summary = GOOD | {'masks_published': 360, 'masks_received': 359, 'counters': counters}
    summary |= {'lost_in_transport': 5}
    found = losses(summary)
    assert sum(found.values()) == 375 - 359
    assert list(found.values()) == [5, 4, 3, 2, 1, 1]
    assert found["can't be accounted for"] == 1
