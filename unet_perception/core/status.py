"""From what is known of the node to levels and sentences that a supervisor can act on.

Knows the rules; not how a status is published. Keys shared with Autoware carry its names.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from .health import HealthSnapshot
from .histogram import Percentiles

RECENT_S = 5.0
HANGING_S = 2.0
LOST_RATIO = 0.05
"""Fewer lost images are not worth a warning: a planner does not notice them."""


class Level(Enum):
    """Diagnostic levels, least to most serious; STALE means that nothing is known yet."""

    OK = 'ok'
    WARN = 'warn'
    ERROR = 'error'
    STALE = 'stale'


class Stage(Enum):
    """Where the node is in its life, as far as its work is concerned."""

    UNCONFIGURED = 'unconfigured'
    BUILDING = 'building'  # the engine is being opened, warmed up and checked
    INACTIVE = 'inactive'
    ACTIVE = 'active'


class Status(NamedTuple):
    """One line of diagnostics."""

    name: str
    level: Level
    message: str
    values: Mapping[str, str]
    hardware_id: str
    """The camera (its image topic) or the device that this is about."""


class Publisher(NamedTuple):
    """A node that publishes the image topic; `problem` says why it can't be heard, if so."""

    node: str
    problem: str


class Situation(NamedTuple):
    """What the node knows of itself, besides its frames."""

    stage: Stage
    active_s: float
    """How long the node has been active; 0 if it is not."""
    is_enabled: bool
    problem: str
    """Why the last configure or activate failed; empty if it did not."""
    model: Mapping[str, str]
    engine: Mapping[str, str]
    image_topic: str
    """The resolved name; empty before configure."""
    input_timeout_s: float
    publishers: tuple[Publisher, ...]
    has_label_info: bool
    rss_mb: float
    """The memory that the process holds."""


def statuses(situation: Situation, health: HealthSnapshot) -> list[Status]:
    """Judge latency, input, model and engine."""
    camera, device = situation.image_topic, situation.engine.get('device', '')
    rows = (
        ('latency', camera, _latency(health), _latency_values(health)),
        ('input', camera, _input(situation, health), _input_values(situation, health)),
        ('model', device, _model(situation), situation.model),
        ('engine', device, _engine(situation, health), _engine_values(situation, health)),
    )
    return [
        Status(name, level, message, values, hardware)
        for name, hardware, (level, message), values in rows
    ]


Verdict = tuple[Level, str]


def _latency(health: HealthSnapshot) -> Verdict:
    processing = health.durations['processing']
    if processing is None:
        return Level.STALE, 'no mask in the last minute'
    return Level.OK, f'processing p50 {processing.p50:.1f} ms, p95 {processing.p95:.1f} ms'


def _latency_values(health: HealthSnapshot) -> dict[str, str]:
    values = {
        f'{name}_time_ms': _number(health.latest_ms.get(name))
        for name in ('processing', 'preprocess', 'inference', 'postprocess', 'cyclic')
    }
    values['pipeline_latency_ms'] = _number(health.latest_ms.get('pipeline_latency'))
    for name, summary in health.durations.items():
        values.update(_percentile_values(name, summary))
    values['fps_out'] = _number(health.fps_out)
    return values


def _percentile_values(name: str, summary: Percentiles | None) -> dict[str, str]:
    return {
        f'{name}_{key}_ms': _number(getattr(summary, key, None))
        for key in ('p50', 'p95', 'p99', 'max')
    }


def _input_values(situation: Situation, health: HealthSnapshot) -> dict[str, str]:
    seen = health.input
    return {
        'topic': situation.image_topic or 'n/a',
        'publishers': ', '.join(peer.node for peer in situation.publishers) or 'none',
        'frames_received': str(health.received),
        **{name: str(count) for name, count in health.counters.items()},
        'lost_on_the_way': str(health.lost),
        **{name: str(count) for name, count in health.oddity_counts.items()},
        'fps_in': _number(health.fps_in),
        'encoding': seen.encoding[:80] if seen else 'n/a',
        'size': f'{seen.width}x{seen.height}' if seen and seen.width else 'n/a',
        'frame_id': seen.frame_id if seen else 'n/a',
        'last_image_age_s': _number(seen.age_s if seen else None),
    }


def _input(situation: Situation, health: HealthSnapshot) -> Verdict:
    if situation.stage is not Stage.ACTIVE:
        return Level.STALE, f'the node is {situation.stage.value}'
    if not situation.is_enabled:
        return Level.OK, 'disabled through ~/enable: images are counted as gated'
    seen = health.input
    silent_s = min(seen.age_s, situation.active_s) if seen else situation.active_s
    if silent_s > situation.input_timeout_s:
        return Level.WARN, _silence(situation, silent_s)
    complaints = _complaints(situation.image_topic, health)
    if complaints:
        return Level.WARN, '; '.join(complaints)
    if seen is None:
        return Level.OK, f'waiting for the first image on {situation.image_topic!r}'
    return Level.OK, f'{health.fps_in:.1f} images/s on {situation.image_topic!r}'


def _silence(situation: Situation, silent_s: float) -> str:
    """Say why no image comes, as far as the graph of nodes and topics tells."""
    topic, publishers = situation.image_topic, situation.publishers
    if not publishers:
        return f'nobody publishes {topic!r}: start the camera or remap `image`'
    unheard = [f'{peer.node} {peer.problem}' for peer in publishers if peer.problem]
    if len(unheard) == len(publishers):
        return f'no image can come on {topic!r}: {"; ".join(unheard)}'
    others = f'; besides, {"; ".join(unheard)}' if unheard else ''
    return (
        f'no image for {silent_s:.0f} s on {topic!r}, which has {len(publishers)} '
        f'publisher(s): check the camera, and the transport (transport:=large_images){others}'
    )


def _complaints(topic: str, health: HealthSnapshot) -> list[str]:
    """Say what is wrong with the images that do come."""
    found = []
    if health.malformed and health.malformed.age_s < RECENT_S:
        found.append(f'malformed image on {topic!r}: {health.malformed.message}')
    if health.lost_ratio >= LOST_RATIO:
        found.append(
            f'{health.lost_ratio:.0%} of the images on {topic!r} were lost on the way, as gaps '
            f'in their stamps show: check the transport (transport:=large_images, for the '
            f'camera too) and the network'
        )
    odd = [oddity.message for oddity in health.oddities if oddity.age_s < RECENT_S]
    return found + [f'on {topic!r}, {message}' for message in odd]


def _model(situation: Situation) -> Verdict:
    if not situation.model:
        level = Level.ERROR if situation.problem else Level.STALE
        return level, situation.problem or 'no model loaded'
    message = f'{situation.model["name"]} {situation.model["version"]}'
    if not situation.has_label_info:
        return Level.WARN, f'{message}; label_info is not published: install vision_msgs'
    return Level.OK, message


def _engine_values(situation: Situation, health: HealthSnapshot) -> dict[str, str]:
    busy_s = _number(health.busy_s)
    rss_mb = _number(situation.rss_mb)
    return {
        **situation.engine,
        'state': situation.stage.value,
        'busy_s': busy_s,
        'rss_mb': rss_mb,
    }


def _engine(situation: Situation, health: HealthSnapshot) -> Verdict:
    if situation.problem:
        return Level.ERROR, situation.problem
    if situation.stage is Stage.BUILDING:
        return Level.WARN, 'BUILDING: the engine is being opened, warmed up and checked'
    if not situation.engine:
        return Level.STALE, 'no engine open'
    if health.busy_s > HANGING_S:
        return Level.ERROR, f'work on a frame has not returned for {health.busy_s:.0f} s'
    if health.failed and health.failed.age_s < RECENT_S:
        return Level.ERROR, f'a frame failed: {health.failed.message}'
    return Level.OK, f'{situation.engine["backend"]} on {situation.engine["device"]}'


def _number(value: float | None) -> str:
    return 'n/a' if value is None else f'{value:.2f}'
