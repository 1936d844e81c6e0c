"""Judges one camera's images: whether they come whole and sane, and if not, why not.

Knows the rules and the cures; not topics or QoS.
"""

from .health import HealthSnapshot
from .situation import CameraSituation, Situation, Stage
from .verdict import RECENT_S, Level, Verdict, number

LOST_RATIO = 0.05
"""Fewer lost images are not worth a warning: a planner does not notice them."""


def judge_input(situation: Situation, camera: CameraSituation) -> Verdict:
    """Tell whether images come, and come well."""
    health = camera.health
    if situation.stage is not Stage.ACTIVE:
        return Verdict(Level.STALE, f'the node is {situation.stage.value}')
    if not situation.is_enabled:
        return Verdict(Level.OK, 'disabled through ~/enable: images are counted as gated')
    seen = health.input
    silent_s = min(seen.age_s, situation.active_s) if seen else situation.active_s
    if silent_s > situation.rules.input_timeout_s:
        return Verdict(Level.WARN, _silence(camera, silent_s))
    complaints = _complaints(camera.image_topic, health)
    if complaints:
        return Verdict(Level.WARN, '; '.join(complaints))
    if seen is None:
        return Verdict(Level.OK, f'waiting for the first image on {camera.image_topic!r}')
    return Verdict(Level.OK, f'{health.fps_in:.1f} images/s on {camera.image_topic!r}')


def input_values(camera: CameraSituation) -> dict[str, str]:
    """Return how frames came and how they ended."""
    health = camera.health
    seen = health.input
    return {
        'topic': camera.image_topic or 'n/a',
        'publishers': ', '.join(peer.node for peer in camera.publishers) or 'none',
        'frames_received': str(health.received),
        **{name: str(count) for name, count in health.counters.items()},
        'lost_on_the_way': str(health.lost),
        **{name: str(count) for name, count in health.oddity_counts.items()},
        'fps_in': number(health.fps_in),
        'encoding': seen.encoding[:80] if seen else 'n/a',
        'size': f'{seen.width}x{seen.height}' if seen and seen.width else 'n/a',
        'frame_id': seen.frame_id if seen else 'n/a',
        'last_image_age_s': number(seen.age_s if seen else None),
    }


def _silence(camera: CameraSituation, silent_s: float) -> str:
    """Say why no image comes, as far as the graph of nodes and topics tells."""
    topic, publishers = camera.image_topic, camera.publishers
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
