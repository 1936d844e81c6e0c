"""Levels and sentences that a supervisor can act on, from snapshots made by hand."""

import re
from typing import Any

import pytest

from unet_perception.core.arrivals import Incident, InputSeen
from unet_perception.core.budget import BudgetSeen
from unet_perception.core.health import DURATIONS, HealthSnapshot, Outcome
from unet_perception.core.histogram import Percentiles
from unet_perception.core.ladder import Step
from unet_perception.core.situation import CameraSituation, Publisher, Rules, Situation, Stage
from unet_perception.core.status import Status, statuses
from unet_perception.core.status_input import LOST_RATIO
from unet_perception.core.status_latency import MISS_RATIO
from unet_perception.core.verdict import RECENT_S, Level

TOPIC = '/front/image'
CAMERA = Publisher('/camera', '')
DEAF = Publisher('/old_camera', 'has an incompatible QoS (why): change it there')
RULES = Rules(budget_ms=100.0, stall_budgets=20, input_timeout_s=2.0)
STALL_S = 2.0
SEEN = BudgetSeen(1, (30.0, 20.0, 10.0), 1.5, 4, 3, (Step(0, 1, 0), Step(500_000_000, 0, 1)))
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
    overruns=2,
    miss_ratio=0.001,
    published_by_point={0: 5, 1: 2},
    unanswered_s=0.04,
    lost=17,
    lost_ratio=0.0,
    malformed=None,
    failed=None,
    busy_s=0.0,
)
NEW = HEALTH._replace(
    received=0,
    counters=dict.fromkeys(HEALTH.counters, 0),
    durations=dict.fromkeys(DURATIONS),
    latest_ms={},
    input=None,
    fps_in=0.0,
    miss_ratio=None,
    unanswered_s=0.0,
)
FRESH, OLD = Incident('why it went wrong', RECENT_S - 1), Incident('long ago', RECENT_S + 1)
SILENT = InputSeen('rgb8', 640, 480, 'camera', 3.0)


FRONT = CameraSituation('', TOPIC, (CAMERA,), True, SEEN, None, HEALTH)
SITUATION = Situation(
    now_ns=7_500_000_000,
    stage=Stage.ACTIVE,
    active_s=60.0,
    is_enabled=True,
    problem='',
    model={'name': 'lane', 'version': '1.2.3'},
    engine={'backend': 'openvino', 'device': 'CPU'},
    points=('256x512', '192x384', '128x256'),
    rules=RULES,
    has_label_info=True,
    rss_mb=220.0,
    cameras=(FRONT,),
)


def judged(name: str, health: HealthSnapshot = HEALTH, **changes: Any) -> Status:
    """Return a status after changes of the situation, its rules or its camera."""
    return {status.name: status for status in statuses(situated(health, **changes))}[name]


def situated(health: HealthSnapshot = HEALTH, **changes: Any) -> Situation:
    def taken(kind: Any) -> dict[str, Any]:
        return {name: changes.pop(name) for name in list(changes) if name in kind._fields}

    camera = FRONT._replace(health=health, **taken(CameraSituation))
    rules = RULES._replace(**taken(Rules))
    return SITUATION._replace(cameras=(camera,), rules=rules, **changes)


def test_all_is_well_when_all_is_well() -> None:
    found = statuses(SITUATION)
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
    found = judged('input', HEALTH._replace(**health), **situation)
    assert found.level is level
    assert re.search(sentence, found.message)


@pytest.mark.parametrize(
    ('health', 'situation', 'level', 'sentence'),
    [
        ({}, {}, Level.OK, 'openvino on CPU'),
        ({}, {'engine': {}}, Level.STALE, 'no engine open'),
        ({}, {'engine': {}, 'problem': 'no such file'}, Level.ERROR, 'no such file'),
        ({}, {'engine': {}, 'stage': Stage.BUILDING}, Level.WARN, 'BUILDING'),
        ({'busy_s': STALL_S - 0.5}, {}, Level.OK, 'openvino'),
        ({'busy_s': STALL_S + 1}, {}, Level.ERROR, 'has not returned for 3.0 s'),
        ({'failed': FRESH}, {}, Level.ERROR, 'why it went wrong'),
        ({'failed': OLD}, {}, Level.OK, 'openvino'),
    ],
)
def test_engine(
    health: dict[str, Any], situation: dict[str, Any], level: Level, sentence: str
) -> None:
    found = judged('engine', HEALTH._replace(**health), **situation)
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
    found = judged('model', **situation)
    assert found.level is level
    assert re.search(sentence, found.message)


def test_latency_is_stale_until_there_is_a_mask() -> None:
    assert judged('latency', NEW).level is Level.STALE
    found = judged('latency')
    assert found.level is Level.OK
    assert 'p50 1.0 ms, p95 2.0 ms' in found.message


def test_before_the_first_mask_every_duration_is_not_available() -> None:
    values = dict(judged('latency', NEW, budget=None).values)
    assert (values.pop('steps_down'), values.pop('steps_up')) == ('0', '0')
    assert values.pop('recent_steps') == 'none'
    assert values.pop('fps_out') == '24.50'
    assert values.pop('latency_budget_ms') == '100.00'
    assert values.pop('budget_from') == 'stamp'
    assert values.pop('overruns') == '2'
    published = [values.pop(f'published_at_{point}') for point in SITUATION.points]
    assert published == ['5', '2', '0']
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
    empty = situated(health, stage=stage, model={}, engine={}, image_topic='', budget=None)
    running = situated(health, stage=stage)
    for situation in (empty, empty._replace(problem='broken', points=()), running):
        found = statuses(situation)
        assert all(status.message for status in found)
        assert all(isinstance(text, str) for status in found for text in status.values.values())
    names = {status.name: status for status in statuses(empty)}
    assert names['engine'].values['state'] == stage.value


@pytest.mark.parametrize(
    ('health', 'situation', 'level', 'sentence'),
    [
        (
            {'unanswered_s': STALL_S + 1},
            {},
            Level.ERROR,
            r'no mask for 3.0 s while .*: 6 gated, 5',
        ),
        ({'unanswered_s': 9.0}, {'active_s': 1.0}, Level.OK, 'p50'),
        ({'unanswered_s': 9.0}, {'active_s': 0.0}, Level.OK, 'p50'),
        ({'miss_ratio': MISS_RATIO}, {}, Level.OK, 'p50'),
        ({'miss_ratio': 0.25}, {}, Level.WARN, '25.0% of the frames .* in time for 100 ms'),
        ({}, {'offset_ms': 250.0}, Level.ERROR, 'clock offset or slow camera: .* 250 ms old'),
        ({'unanswered_s': 9.0}, {'offset_ms': 250.0}, Level.ERROR, 'clock offset'),
        ({}, {'offset_ms': 250.0, 'active_s': 0.0}, Level.OK, 'p50'),
    ],
)
def test_latency(
    health: dict[str, Any], situation: dict[str, Any], level: Level, sentence: str
) -> None:
    found = judged('latency', HEALTH._replace(**health), **situation)
    assert found.level is level
    assert re.search(sentence, found.message), found.message


def test_latency_tells_the_operating_point_and_every_recent_step() -> None:
    assert judged('latency').message.endswith(' at 192x384')
    values = judged('latency').values
    assert values['operating_point'] == '192x384'
    assert values['predicted_256x512_ms'] == '30.00'
    assert (values['steps_down'], values['steps_up']) == ('4', '3')
    expected = '256x512 to 192x384 7.00 s ago, 192x384 to 256x512 7.50 s ago'
    assert values['recent_steps'] == expected
    idle = judged('latency', budget=None).values
    assert (idle['operating_point'], idle['recent_steps']) == ('n/a', 'none')
    assert idle['predicted_256x512_ms'] == 'n/a'


def test_each_camera_has_its_own_latency_and_input() -> None:
    slow = HEALTH._replace(miss_ratio=0.5)
    left = FRONT._replace(name='left', image_topic='/left/image', health=slow)
    found = statuses(SITUATION._replace(cameras=(FRONT._replace(name='front'), left)))
    levels = {status.name: (status.level, status.hardware_id) for status in found}
    assert levels == {
        'latency front': (Level.OK, TOPIC),
        'input front': (Level.OK, TOPIC),
        'latency left': (Level.WARN, '/left/image'),
        'input left': (Level.OK, '/left/image'),
        'model': (Level.OK, 'CPU'),
        'engine': (Level.OK, 'CPU'),
    }
