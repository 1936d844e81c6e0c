"""What diagnostics are about: the node, its cameras and its engine, as they are now.

Knows facts; not what level of alarm they deserve (`status` and its neighbours).
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from .budget import BudgetSeen
from .health import HealthSnapshot


class Stage(Enum):
    """Where the node is in its life, as far as its work is concerned."""

    UNCONFIGURED = 'unconfigured'
    BUILDING = 'building'  # the engine is being opened, warmed up and checked
    INACTIVE = 'inactive'
    ACTIVE = 'active'


class Publisher(NamedTuple):
    """A node that publishes the image topic; `problem` says why it can't be heard, if so."""

    node: str
    problem: str


class CameraSituation(NamedTuple):
    """One camera."""

    name: str
    """Its prefix in topics; empty if there is only one camera, without a prefix."""
    image_topic: str
    """The resolved name; empty before configure."""
    publishers: tuple[Publisher, ...]
    is_budget_from_stamp: bool
    """Whether the latest frame's budget counts from its stamp; else from its arrival."""
    budget: BudgetSeen | None
    """None before configure."""
    offset_ms: float | None
    """The median age of images on arrival, if it has exceeded the budget for a while."""
    health: HealthSnapshot


class Rules(NamedTuple):
    """What the node was told to keep."""

    budget_ms: float
    stall_budgets: int
    """After so many budgets without a mask, while images arrive, the node has stalled."""
    input_timeout_s: float

    @property
    def stall_s(self) -> float:
        """How long a healthy node may be without a mask, or an inference may take."""
        return self.stall_budgets * self.budget_ms / 1e3


class Situation(NamedTuple):
    """What the node knows of itself."""

    now_ns: int
    """Monotonic."""
    stage: Stage
    active_s: float
    """For how long the node has been active and enabled; 0 if it is not."""
    is_enabled: bool
    problem: str
    """Why the last configure or activate failed; empty if it did not."""
    model: Mapping[str, str]
    engine: Mapping[str, str]
    points: tuple[str, ...]
    """The operating points' names, best first."""
    rules: Rules
    has_label_info: bool
    rss_mb: float
    """The memory that the process holds."""
    cameras: tuple[CameraSituation, ...]
    progress: str = ''
    """How far a plan is that is being built; empty if none is."""
