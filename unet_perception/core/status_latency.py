"""Judges one camera's masks: whether they are on time, and if not, what becomes of the frames.

Knows the rules of the budget; not how frames are served.
"""

from .budget import BudgetSeen
from .health import HealthSnapshot
from .histogram import Percentiles
from .situation import CameraSituation, Situation
from .verdict import Level, Verdict, number

MISS_RATIO = 0.01
"""More frames than these, late in a minute, are worth a warning."""


def judge_latency(situation: Situation, camera: CameraSituation) -> Verdict:
    """Tell whether masks come, and come in time."""
    health, rules = camera.health, situation.rules
    waiting_s = min(health.unanswered_s, situation.active_s)
    if situation.active_s and camera.offset_ms is not None:
        return Verdict(
            Level.ERROR,
            f'clock offset or slow camera: images on {camera.image_topic!r} are '
            f'{camera.offset_ms:.0f} ms old on arrival (median), the budget is '
            f'{rules.budget_ms:.0f} ms: synchronise the clocks, shorten the way, or set '
            f'budget_from:=reception',
        )
    if waiting_s > rules.stall_s:
        return Verdict(
            Level.ERROR,
            f'no mask for {waiting_s:.1f} s while images arrive on {camera.image_topic!r}; '
            f'frames so far: {_ends(health)}',
        )
    processing = health.durations['processing']
    if processing is None:
        return Verdict(Level.STALE, 'no mask in the last minute')
    if (health.miss_ratio or 0.0) > MISS_RATIO:
        return Verdict(
            Level.WARN,
            f'{health.miss_ratio:.1%} of the frames of the last minute were not in time for '
            f'{rules.budget_ms:.0f} ms; frames so far: {_ends(health)}',
        )
    times = f'processing p50 {processing.p50:.1f} ms, p95 {processing.p95:.1f} ms'
    point = f' at {situation.points[camera.budget.point]}' if camera.budget else ''
    return Verdict(Level.OK, times + point)


def latency_values(situation: Situation, camera: CameraSituation) -> dict[str, str]:
    """Return the latest and the recent durations, and what the budget made of the frames."""
    health = camera.health
    values = {
        f'{name}_time_ms': number(health.latest_ms.get(name))
        for name in ('processing', 'preprocess', 'inference', 'postprocess', 'cyclic')
    }
    values['pipeline_latency_ms'] = number(health.latest_ms.get('pipeline_latency'))
    for name, summary in health.durations.items():
        values.update(_percentile_values(name, summary))
    values['fps_out'] = number(health.fps_out)
    values['latency_budget_ms'] = number(situation.rules.budget_ms)
    values['budget_from'] = 'stamp' if camera.is_budget_from_stamp else 'reception'
    missed = health.miss_ratio
    values['budget_miss_ratio'] = 'n/a' if missed is None else f'{missed:.4f}'
    values['overruns'] = str(health.overruns)
    for point, name in enumerate(situation.points):
        values[f'published_at_{name}'] = str(health.published_by_point.get(point, 0))
    return {**values, **_point_values(situation, camera.budget)}


def _point_values(situation: Situation, seen: BudgetSeen | None) -> dict[str, str]:
    """Return the operating point, what each is predicted to take, and every recent step."""
    names = situation.points
    steps = reversed(seen.steps) if seen else ()
    told = [
        f'{names[step.origin]} to {names[step.target]} '
        f'{(situation.now_ns - step.at_ns) / 1e9:.2f} s ago'
        for step in steps
    ]
    return {
        'operating_point': names[seen.point] if seen else 'n/a',
        **{
            f'predicted_{name}_ms': number(seen.predicted_ms[k] if seen else None)
            for k, name in enumerate(names)
        },
        'publish_reserve_ms': number(seen.reserve_ms if seen else None),
        'steps_down': str(seen.steps_down if seen else 0),
        'steps_up': str(seen.steps_up if seen else 0),
        'recent_steps': ', '.join(told) or 'none',
    }


def _ends(health: HealthSnapshot) -> str:
    """Say how frames ended, most frequent end first."""
    ends = {**health.counters, 'overrun': health.overruns}
    found = sorted(((n, name) for name, n in ends.items() if n), reverse=True)
    return ', '.join(f'{n} {name}' for n, name in found) or 'none ended'


def _percentile_values(name: str, summary: Percentiles | None) -> dict[str, str]:
    return {
        f'{name}_{key}_ms': number(getattr(summary, key, None))
        for key in ('p50', 'p95', 'p99', 'max')
    }
