"""Levels and sentences that a supervisor can act on, from snapshots made by hand."""

import re
from typing import Any

import pytest

from unet_perception.core.arrivals import Incident, InputSeen
from unet_perception.core.health import DURATIONS, HealthSnapshot, Outcome
from unet_perception.core.histogram import Percentiles
from unet_perception.core.status import (
    HANGING_S,
    LOST_RATIO,
    RECENT_S,
    Level,
    Publisher,
    Situation,
    Stage,
    Status,
    statuses,
)

TOPIC = '/front/image'
CAMERA = Publisher('/camera', '')
DEAF = Publisher('/old_camera', 'has an incompatible QoS (why): change it there')
SITUATION = Situation(
    stage=Stage.ACTIVE,
    active_s=60.0,
    is_enabled=True,
    problem='',
    model={'name': 'lane', 'version': '1.2.3'},
    engine={'backend': 'openvino', 'device': 'CPU'},
    image_topic=TOPIC,
    input_timeout_s=2.0,
    publishers=(CAMERA,),
    has_label_info=True,
    rss_mb=220.0,
)
HEALTH = HealthSnapshot(
    received=7,
    counters={outcome.value: k for k, outcome in enumerate(Outcome)},
    fps_in=25.0,
    fps_out=24.5,
    durations=dict.fromkeys(DURATIONS, Percentiles(9, 1.0, 2.0, 3.0, 4.0)),
    latest_ms=dict.fromkeys(DURATIONS, 1.25),
    input=InputSeen('rgb8', 640, 480, 'camera', 0.04),
    oddities=(),
    oddity_counts={'stamp_zero': 5},
    lost=17,
    lost_ratio=0.0,
    malformed=None,
    failed=None,
    busy_s=0.0,
)
NEW = HEALTH._replace(
    received=0, durations=dict.fromkeys(DURATIONS), latest_ms={}, input=None, fps_in=0.0
)
FRESH, OLD = Incident('why it went wrong', RECENT_S - 1), Incident('long ago', RECENT_S + 1)
SILENT = InputSeen('rgb8', 640, 480, 'camera', 3.0)


def judged(name: str, health: HealthSnapshot = HEALTH, situation: Situation = SITUATION) -> Status:
    return {status.name: status for status in statuses(situation, health)}[name]


def test_all_is_well_when_all_is_well() -> None:
    found = statuses(SITUATION, HEALTH)
    assert [status.name for status in found] == ['latency', 'input', 'model', 'engine']
    assert {status.level for status in found} == {Level.OK}
    assert {s.name: s.hardware_id for s in found} == {
        'latency': TOPIC,
        'input': TOPIC,
        'model': 'CPU',
        'engine': 'CPU',
    }


@pytest.mark.parametrize(
    ('health', 'situation', 'level', 'sentence'),
    [
        ({}, {}, Level.OK, '25.0 images/s'),
        ({}, {'stage': Stage.INACTIVE}, Level.STALE, 'inactive'),
        ({}, {'stage': Stage.UNCONFIGURED}, Level.STALE, 'unconfigured'),
        ({}, {'is_enabled': False}, Level.OK, 'disabled'),
        ({'input': SILENT}, {'is_enabled': False}, Level.OK, 'disabled'),
        ({'input': SILENT}, {'input_timeout_s': 4.0}, Level.OK, 'images/s'),
        ({'input': SILENT}, {'publishers': ()}, Level.WARN, f"nobody publishes '{TOPIC}'"),
        (
            {'input': SILENT},
            {'publishers': (CAMERA,) * 2},
            Level.WARN,
            f"3 s on '{TOPIC}'.* 2 pub",
        ),
        ({'input': SILENT}, {'publishers': (DEAF, CAMERA)}, Level.WARN, 'no image for 3 s'),
        (
            {'input': SILENT},
            {'publishers': (DEAF,)},
            Level.WARN,
            '/old_camera has an incompatible',
        ),
        ({'input': None}, {'publishers': ()}, Level.WARN, 'nobody publishes'),
        ({'input': None}, {}, Level.WARN, 'no image for 60 s'),
        ({'input': None}, {'active_s': 1.0}, Level.OK, 'waiting for the first image'),
        ({'input': SILENT}, {'active_s': 1.0}, Level.OK, 'images/s'),
        ({'malformed': FRESH}, {}, Level.WARN, 'malformed image .* why it went wrong'),
        ({'malformed': OLD}, {}, Level.OK, 'images/s'),
        ({'lost_ratio': LOST_RATIO - 0.01}, {}, Level.OK, 'images/s'),
        ({'lost_ratio': 0.25}, {}, Level.WARN, f"25% of the images on '{TOPIC}' were lost"),
        ({'oddities': (FRESH,)}, {}, Level.WARN, f"on '{TOPIC}', why it went wrong"),
        ({'oddities': (OLD,)}, {}, Level.OK, 'images/s'),
        ({'oddities': (FRESH,), 'malformed': FRESH}, {}, Level.WARN, 'malformed .*; on '),
    ],
)
def test_input(
    health: dict[str, Any], situation: dict[str, Any], level: Level, sentence: str
) -> None:
    found = judged('input', HEALTH._replace(**health), SITUATION._replace(**situation))
    assert found.level is level
    assert re.search(sentence, found.message)


@pytest.mark.parametrize(
    ('health', 'situation', 'level', 'sentence'),
    [
        ({}, {}, Level.OK, 'openvino on CPU'),
        ({}, {'engine': {}}, Level.STALE, 'no engine open'),
        ({}, {'engine': {}, 'problem': 'no such file'}, Level.ERROR, 'no such file'),
        ({}, {'engine': {}, 'stage': Stage.BUILDING}, Level.WARN, 'BUILDING'),
        ({'busy_s': HANGING_S - 0.5}, {}, Level.OK, 'openvino'),
        ({'busy_s': HANGING_S + 1}, {}, Level.ERROR, 'has not returned for 3 s'),
        ({'failed': FRESH}, {}, Level.ERROR, 'why it went wrong'),
        ({'failed': OLD}, {}, Level.OK, 'openvino'),
    ],
)
def test_engine(
    health: dict[str, Any], situation: dict[str, Any], level: Level, sentence: str
) -> None:
    found = judged('engine', HEALTH._replace(**health), SITUATION._replace(**situation))
    assert found.level is level
    assert re.search(sentence, found.message)


@pytest.mark.parametrize(
    ('situation', 'level', 'sentence'),
    [
        ({}, Level.OK, 'lane 1.2.3'),
        ({'has_label_info': False}, Level.WARN, 'lane 1.2.3; .*install vision_msgs'),
        ({'model': {}}, Level.STALE, 'no model loaded'),
        ({'model': {}, 'problem': 'sha256 differs'}, Level.ERROR, 'sha256 differs'),
    ],
)
def test_model(situation: dict[str, Any], level: Level, sentence: str) -> None:
    found = judged('model', situation=SITUATION._replace(**situation))
    assert found.level is level
    assert re.search(sentence, found.message)


def test_latency_is_stale_until_there_is_a_mask() -> None:
    assert judged('latency', NEW).level is Level.STALE
    found = judged('latency')
    assert found.level is Level.OK
    assert 'p50 1.0 ms, p95 2.0 ms' in found.message


def test_before_the_first_mask_every_duration_is_not_available() -> None:
    values = dict(judged('latency', NEW).values)
    assert values.pop('fps_out') == '24.50'
    assert set(values.values()) == {'n/a'}


def test_durations_carry_autowares_names() -> None:
    values = judged('latency').values
    names = ('processing', 'preprocess', 'inference', 'postprocess', 'cyclic')
    assert {values[f'{name}_time_ms'] for name in names} == {'1.25'}
    assert values['pipeline_latency_ms'] == '1.25'
    keys = ('p50', 'p95', 'p99', 'max')
    assert [values[f'inference_{k}_ms'] for k in keys] == ['1.00', '2.00', '3.00', '4.00']


def test_every_counter_and_the_latest_image_are_reported() -> None:
    values = judged('input').values
    assert {o.value: values[o.value] for o in Outcome} == {
        o.value: str(k) for k, o in enumerate(Outcome)
    }
    assert (values['frames_received'], values['size']) == ('7', '640x480')
    assert (values['lost_on_the_way'], values['stamp_zero']) == ('17', '5')
    assert values['publishers'] == '/camera'
    before = judged('input', NEW).values
    assert {before[k] for k in ('size', 'encoding', 'frame_id', 'last_image_age_s')} == {'n/a'}


@pytest.mark.parametrize('stage', Stage)
@pytest.mark.parametrize('health', [NEW, HEALTH], ids=['new', 'running'])
def test_there_is_an_answer_at_every_moment(stage: Stage, health: HealthSnapshot) -> None:
    empty = SITUATION._replace(stage=stage, model={}, engine={}, image_topic='')
    for situation in (empty, empty._replace(problem='broken'), SITUATION._replace(stage=stage)):
        found = statuses(situation, health)
        assert all(status.message for status in found)
        assert all(isinstance(text, str) for status in found for text in status.values.values())
    assert judged('engine', health, empty).values['state'] == stage.value
