"""The planner's side of the topics: masks that can be acted on, or the word that there are none.

Knows pairing, ages and silence; not what is done with a mask, nor who made it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ..core.frame import U8
from ..errors import FrameError
from . import topics
from .messages import SECOND_NS, ns_from_time

WAITING = 8  # messages of each topic kept until their counterparts come
BACK_NS = SECOND_NS  # stamps that go back by more begin anew

K = TypeVar('K')
V = TypeVar('V')


class MaskPair(NamedTuple):
    """What the node said of one image; the arrays are views of the messages, not copies.

    `camera_info` has the same stamp, and is None if none had come with the mask.
    """

    header: Header
    mask: U8  # (H, W), class id, 255 = unknown
    confidence: U8  # (H, W), 0 to 255 for 0 to 1
    camera_info: CameraInfo | None
    age_s: float
    """From the image's stamp to now, on the node's clock."""


class Pairing:
    """Brings mask and confidence together by stamp and frame_id, whichever comes first.

    Each message is used once. One that finds no counterpart waits until too many others do, or
    until stamps go back: what a bag said before it began anew is no counterpart of what it says
    now.
    """

    def __init__(self) -> None:
        self._masks: dict[tuple[int, str], Image] = {}
        self._confidences: dict[tuple[int, str], Image] = {}
        self._newest_ns = 0

    def confidence_for(self, mask: Image) -> Image | None:
        """Return the confidence that waited for this mask, or None: then the mask waits."""
        self._begin_anew_if_back(mask)
        return _counterpart(mask, self._confidences, self._masks)

    def mask_for(self, confidence: Image) -> Image | None:
        """Return the mask that waited for this confidence, or None: then the confidence waits."""
        self._begin_anew_if_back(confidence)
        return _counterpart(confidence, self._masks, self._confidences)

    def _begin_anew_if_back(self, message: Image) -> None:
        """Forget what waits if stamps went back further than messages overtake one another."""
        stamp_ns = ns_from_time(message.header.stamp)
        if stamp_ns < self._newest_ns - BACK_NS:
            self._masks.clear()
            self._confidences.clear()
            self._newest_ns = stamp_ns
        self._newest_ns = max(stamp_ns, self._newest_ns)


class MaskConsumer:
    """Calls `on_pair` with each pair that can be acted on, and `on_silence` when they stop.

    A pair is refused, and counted in `counters`, if its stamp is more than `max_age_s` away
    from now on the node's clock (`too_old`; a stamp ahead of now is no better, nor one of
    zero), or if it can't be read or its sizes differ (`mismatched`). After `silence_s` without
    a usable pair, on a clock that nobody can stop, `on_silence` is called once with the
    reason, and again only after another usable pair. Newest wins: while `on_pair` works, older
    messages give way. Topic names are relative to the node's namespace and can be remapped.
    """

    def __init__(
        self,
        node: Node,
        on_pair: Callable[[MaskPair], None],
        on_silence: Callable[[str], None],
        max_age_s: float = 0.2,
        silence_s: float = 0.5,
    ) -> None:
        self._node, self._on_pair, self._on_silence = node, on_pair, on_silence
        self._max_age_s, self._silence_s = max_age_s, silence_s
        self.counters = {'paired': 0, 'too_old': 0, 'mismatched': 0}
        self._pairing = Pairing()
        self._infos: dict[int, CameraInfo] = {}
        self._trouble, self._is_silent = '', False
        # served in this order when several wait: what completes a pair comes last
        self._subscribe(topics.CAMERA_INFO_OUT, self._on_camera_info)
        self._confidence_topic = self._subscribe(topics.CONFIDENCE, self._on_confidence)
        self._mask_topic = self._subscribe(topics.MASK, self._on_mask)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self._timer = node.create_timer(silence_s, self._on_timer, clock=steady)

    def _subscribe(self, topic: topics.Topic, callback: Callable[[Any], None]) -> str:
        made = self._node.create_subscription(topic.kind, topic.name, callback, topic.qos)
        return str(made.topic_name)

    def _on_camera_info(self, message: CameraInfo) -> None:
        _keep(self._infos, ns_from_time(message.header.stamp), message)

    def _on_confidence(self, confidence: Image) -> None:
        mask = self._pairing.mask_for(confidence)
        if mask is not None:
            self._judge(mask, confidence)

    def _on_mask(self, mask: Image) -> None:
        confidence = self._pairing.confidence_for(mask)
        if confidence is not None:
            self._judge(mask, confidence)
        else:
            self._trouble = (
                'masks come without a confidence of their stamp and frame_id on '
                f'{self._confidence_topic!r}: remap both topics to one segmentation node'
            )

    def _judge(self, mask: Image, confidence: Image) -> None:
        """Deliver a pair, or count why not."""
        stamp_ns = ns_from_time(mask.header.stamp)
        now_ns = self._node.get_clock().now().nanoseconds
        age_s = (now_ns - stamp_ns) / SECOND_NS
        if not stamp_ns or not now_ns:
            self._refuse('too_old', _unknown_age_complaint(stamp_ns))
            return
        if abs(age_s) > self._max_age_s:
            self._refuse('too_old', _age_complaint(age_s, self._max_age_s))
            return
        try:
            pixels = _pixels_of_both(mask, confidence)
        except FrameError as exc:
            self._refuse('mismatched', str(exc))
            return
        self.counters['paired'] += 1
        self._deliver(MaskPair(mask.header, *pixels, self._infos.get(stamp_ns), age_s))

    def _refuse(self, counter: str, why: str) -> None:
        self.counters[counter] += 1
        self._trouble = why

    def _deliver(self, pair: MaskPair) -> None:
        """Hand a pair over; it breaks the silence only if the planner could work with it."""
        self._trouble = 'masks come, but `on_pair` raised an exception: see the log'
        self._on_pair(pair)
        self._trouble, self._is_silent = '', False
        self._timer.reset()  # after the planner's work, whose time is not silence

    def _on_timer(self) -> None:
        if not self._is_silent:
            self._is_silent = True
            why = self._trouble or self._absence()
            self._on_silence(f'no usable mask for {self._silence_s:g} s: {why}')

    def _absence(self) -> str:
        count = self._node.count_publishers(self._mask_topic)
        return (
            f'none comes on {self._mask_topic!r}, which has {count} publisher(s): '
            'see that the segmentation node is active and gets images'
        )


def pixels_from_mono8(message: Image, name: str) -> U8:
    """Look at an image as (H, W), without a copy; FrameError if it is not whole or not mono8."""
    height, width, step = message.height, message.width, message.step
    if message.encoding != 'mono8':
        raise FrameError(
            f"{name} has encoding {message.encoding!r}, not 'mono8': "
            "see that the topic is the segmentation node's"
        )
    if not (height and 0 < width <= step and height * step <= len(message.data)):
        raise FrameError(
            f"{name} of {width} x {height} pixels can't have step {step} and "
            f'{len(message.data)} bytes: whoever publishes it must send whole images'
        )
    rows = np.frombuffer(message.data, np.uint8, height * step).reshape(height, step)
    return rows[:, :width]


def _pixels_of_both(mask: Image, confidence: Image) -> tuple[U8, U8]:
    ids, sureness = pixels_from_mono8(mask, 'mask'), pixels_from_mono8(confidence, 'confidence')
    if ids.shape != sureness.shape:
        raise FrameError(
            f'mask is {ids.shape} and confidence {sureness.shape} (rows, columns): '
            'remap both topics to one segmentation node'
        )
    return ids, sureness


def _unknown_age_complaint(stamp_ns: int) -> str:
    if not stamp_ns:
        return "masks have stamp zero, so that their age is unknown: let the camera's driver stamp"
    return (
        'simulated time has not begun: see that somebody publishes /clock, or unset use_sim_time'
    )


def _age_complaint(age_s: float, max_age_s: float) -> str:
    if age_s < 0:
        return (
            f'masks are stamped {-age_s:.2f} s ahead of this clock: '
            'synchronise the clocks, or set use_sim_time on all nodes alike'
        )
    return (
        f'masks are {age_s:.2f} s old, and {max_age_s:g} s is allowed: see /diagnostics for the '
        'latency; with a replayed bag, set use_sim_time on all nodes alike'
    )


def _counterpart(
    message: Image, there: dict[tuple[int, str], Image], here: dict[tuple[int, str], Image]
) -> Image | None:
    """Take the message of the same image from `there`; if there is none, keep this one `here`."""
    key = ns_from_time(message.header.stamp), message.header.frame_id
    found = there.pop(key, None)
    if found is None:
        _keep(here, key, message)
    return found


def _keep(waiting: dict[K, V], key: K, message: V) -> None:
    """Add a message, and let the one go that has waited longest if there are too many."""
    waiting[key] = message
    if len(waiting) > WAITING:
        del waiting[next(iter(waiting))]
