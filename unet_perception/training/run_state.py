"""How far a run is, as plain values.

Knows what is counted; not how it is stored, nor the network.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from .epoch_report import EpochReport


@dataclass
class RunState:
    """Whole epochs, and what is done of the next one."""

    epoch: int = 0
    """Whole epochs done."""
    batch: int = 0
    """Batches done of the next one."""
    losses: list[float] = field(default_factory=list)
    """Of those batches."""
    seconds: float = 0.0
    """That they took."""
    steps: int = 0
    """Batches since the beginning."""
    history: list[EpochReport] = field(default_factory=list)
    """A report for each whole epoch."""

    def close_epoch(self, report: EpochReport) -> None:
        """Begin the next epoch."""
        self.history.append(report)
        self.epoch, self.batch = report.epoch, 0
        self.losses, self.seconds = [], 0.0

    def epochs_since_best(self) -> int:
        """Return how many epochs brought nothing better."""
        return self.epoch - max((r.epoch for r in self.history if r.is_best), default=0)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `run_state_from_dict` is the inverse."""
        return {**asdict(self), 'history': [report._asdict() for report in self.history]}


def run_state_from_dict(values: dict[str, Any]) -> RunState:
    """Rebuild what `RunState.as_dict` gave; TypeError, KeyError or ValueError if it can't be."""
    history = [EpochReport(**each) for each in values['history']]
    state = RunState(**{**values, 'history': history})
    if state.epoch != len(history) or min(state.batch, state.steps - state.batch) < 0:
        raise ValueError('the counts of epochs, batches and steps disagree')
    return state
