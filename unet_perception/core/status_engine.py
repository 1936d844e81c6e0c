"""Judges what all cameras share: the model and the engine that serves it.

Knows the rules; not how an engine works.
"""

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
        doing = situation.progress or 'the engine is being opened, warmed up and checked'
        return Verdict(Level.WARN, f'BUILDING: {doing}')
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
    return Verdict(Level.OK, f'{situation.engine["backend"]} on {situation.engine["device"]}')


def engine_values(situation: Situation) -> dict[str, str]:
    """Return what the engine is, and what it does now."""
    return {
        **situation.engine,
        'state': situation.stage.value,
        'busy_s': number(_busy_s(situation)),
        'rss_mb': number(situation.rss_mb),
    }


def _busy_s(situation: Situation) -> float:
    return max(camera.health.busy_s for camera in situation.cameras)
