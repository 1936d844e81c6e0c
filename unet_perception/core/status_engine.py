"""Judges what all cameras share: the model and the engine that serves it.

Knows the rules; not how an engine works.
"""

from .budget import BudgetSeen
from .situation import Situation, Stage
from .verdict import RECENT_S, Level, Verdict, number


def judge_model(situation: Situation) -> Verdict:
    """Tell whether a model is loaded, and can be told to others."""
    if not situation.model:
        level = Level.ERROR if situation.problem else Level.STALE
        return Verdict(level, situation.problem or 'no model loaded')
    message = f'{situation.model["name"]} {situation.model["version"]}'
    if not situation.has_label_info:
        return Verdict(Level.WARN, f'{message}; label_info is not published: install vision_msgs')
    return Verdict(Level.OK, message)


def judge_engine(situation: Situation) -> Verdict:
    """Tell whether the engine is open and answers."""
    if situation.problem:
        return Verdict(Level.ERROR, situation.problem)
    if situation.stage is Stage.BUILDING:
        return Verdict(Level.WARN, 'BUILDING: the engine is being opened, warmed up and checked')
    if not situation.engine:
        return Verdict(Level.STALE, 'no engine open')
    busy_s = _busy_s(situation)
    if busy_s > situation.rules.stall_s:
        return Verdict(
            Level.ERROR,
            f'work on a frame has not returned for {busy_s:.1f} s; others are dropped meanwhile: '
            f'if it goes on, shut the node down and start it again',
        )
    failed = [camera.health.failed for camera in situation.cameras if camera.health.failed]
    recent = [incident for incident in failed if incident.age_s < RECENT_S]
    if recent:
        return Verdict(Level.ERROR, f'a frame failed: {recent[0].message}')
    engine, seen = situation.engine, situation.budget
    point = f', operating point {situation.points[seen.point]}' if seen else ''
    return Verdict(Level.OK, f'{engine["backend"]} on {engine["device"]}{point}')


def engine_values(situation: Situation) -> dict[str, str]:
    """Return what the engine is, and how fast it is predicted to be at each operating point."""
    return {
        **situation.engine,
        'state': situation.stage.value,
        'busy_s': number(_busy_s(situation)),
        **_budget_values(situation, situation.budget),
        'rss_mb': number(situation.rss_mb),
    }


def _budget_values(situation: Situation, seen: BudgetSeen | None) -> dict[str, str]:
    names = situation.points
    step = seen.latest_step if seen else None
    return {
        'operating_point': names[seen.point] if seen else 'n/a',
        **{
            f'predicted_{name}_ms': number(seen.predicted_ms[k] if seen else None)
            for k, name in enumerate(names)
        },
        'publish_reserve_ms': number(seen.reserve_ms if seen else None),
        'steps_down': str(seen.steps_down if seen else 0),
        'steps_up': str(seen.steps_up if seen else 0),
        'latest_step': f'{names[step.origin]} to {names[step.target]}' if step else 'none',
        'latest_step_age_s': number((situation.now_ns - step.at_ns) / 1e9 if step else None),
    }


def _busy_s(situation: Situation) -> float:
    return max(camera.health.busy_s for camera in situation.cameras)
