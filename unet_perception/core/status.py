"""From what is known of the node to the statuses that a supervisor can act on.

Knows which statuses there are; the rules are in `status_latency`, `status_input` and
`status_engine`. Keys shared with Autoware carry its names.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .situation import CameraSituation, Situation
from .status_engine import engine_values, judge_engine, judge_model
from .status_input import input_values, judge_input
from .status_latency import judge_latency, latency_values
from .verdict import Level


class Status(NamedTuple):
    """One line of diagnostics."""

    name: str
    level: Level
    message: str
    values: Mapping[str, str]
    hardware_id: str
    """The camera (its image topic) or the device that this is about."""


def statuses(situation: Situation) -> list[Status]:
    """Judge latency and input of every camera, model and engine."""
    device = situation.engine.get('device', '')
    return [
        *(status for camera in situation.cameras for status in _of_camera(situation, camera)),
        Status('model', *judge_model(situation), situation.model, device),
        Status('engine', *judge_engine(situation), engine_values(situation), device),
    ]


def _of_camera(situation: Situation, camera: CameraSituation) -> Iterator[Status]:
    suffix, topic = f' {camera.name}' if camera.name else '', camera.image_topic
    latency, values = judge_latency(situation, camera), latency_values(situation, camera)
    yield Status(f'latency{suffix}', *latency, values, topic)
    yield Status(f'input{suffix}', *judge_input(situation, camera), input_values(camera), topic)
