"""The training loop: data in, checkpoint out; killed at any moment, it goes on where it was.

Knows the order of things; steps, samples, judgement and files are next door.
"""

from collections.abc import Callable
from dataclasses import replace
import os
from pathlib import Path
import time

import numpy as np
import torch

from ..core.manifest import parts_of
from ..core.progress import OnProgress, no_progress
from ..errors import DataError, RequestError
from .board import Board
from .check import DataCheck, check_folder
from .checkpoint import STATE, load_state, make_folder, save_checkpoint, save_state
from .epoch_report import EpochReport, class_values, warnings_about
from .learner import Learner, denormals_flushed, learning_rate
from .plan import TrainingPlan
from .record import difference, record_of_run
from .run_state import RunState, run_state_from_dict
from .samples import EpochSamples, Order, batches_of, order_of_epoch, rare_class_weights
from .split import Split
from .validation import judge

SAVE_EVERY_S = 300.0
MOST_WORKERS = 8

OnEpoch = Callable[[EpochReport], None]


def train(
    data: Path,
    out: Path,
    plan: TrainingPlan,
    on_epoch: OnEpoch,
    on_progress: OnProgress = no_progress,
) -> list[EpochReport]:
    """Train on `data`; `out` always holds the best checkpoint so far, and how to go on.

    Called again with the same request it goes on where it was; the result is the same, bit by
    bit. Return the reports of all epochs. RequestError for a plan or folder that can't be,
    DataError for data; both before any work.
    """
    check = check_folder(data, on_progress)
    split = _split_for(plan, data, check)
    plan = replace(plan, unet=replace(plan.unet, classes=len(check.classes)))
    make_folder(out)
    workers = _share_cores()
    run = Run(out, plan, check, split, workers)
    run.go_on()
    with Board(out, check.classes, split.validation, run.state.epoch + 1) as board:
        while not run.is_done:
            report = run.one_epoch(on_progress)
            board.show(report, run.learner.average, plan)
            on_epoch(report)
    return run.state.history


def _split_for(plan: TrainingPlan, data: Path, check: DataCheck) -> Split:
    """Return the split of data that can be trained on; DataError with the first error there is."""
    if check.errors:
        others = len(check.errors) - 1
        hint = f'; {others} more: unet_perception check-data {data}' if others else ''
        raise DataError(check.errors[0] + hint)
    assert check.split is not None, 'made unless there are errors'
    count = len(check.split.training)
    if count < plan.batch:
        raise DataError(
            f'{count} training images do not fill a batch of {plan.batch}; '
            f'give more images or a smaller batch'
        )
    return check.split


class Run:
    """A learner, the data it learns from and how far it is."""

    def __init__(
        self, out: Path, plan: TrainingPlan, check: DataCheck, split: Split, workers: int
    ) -> None:
        self._out, self._plan, self._split, self._workers = out, plan, split, workers
        self._classes = check.classes
        counts = {fact.pair.name: fact.counts for fact in check.facts}
        training = [counts[pair.name] for pair in split.training]
        self.learner = Learner(plan, np.sum(training, axis=0))
        self._image_weights = rare_class_weights(training, len(self._classes))
        self._record = record_of_run(plan, check)
        self._identity = {'unet': plan.unet.as_dict(), **self._record}
        self.state = RunState()

    @property
    def is_done(self) -> bool:
        """Tell whether all epochs are done, or patience is at its end."""
        state, plan = self.state, self._plan
        return state.epoch >= plan.epochs or 0 < plan.patience <= state.epochs_since_best()

    def go_on(self) -> None:
        """Take up what the folder holds, or begin; RequestError if it is of another run."""
        stored = load_state(self._out)
        if stored is None:
            self._save()  # before any checkpoint: one without a state can't be gone on from
            return
        tensors, values = stored
        if other := difference(values.get('identity'), self._identity):
            raise RequestError(
                f'{str(self._out)!r} holds a training with {other}; give another folder, or go on '
                f'with the request, tools and threads (OMP_NUM_THREADS) that it was begun with'
            )
        try:
            self.learner.take_up(tensors)
            self.state = run_state_from_dict(values['state'])
        except (KeyError, TypeError, ValueError, RuntimeError) as exc:  # torch's lists tensors
            raise DataError(
                f'{str(self._out / STATE)!r} does not belong to this training; remove it to begin '
                f'anew, or give another folder'
            ) from exc

    def one_epoch(self, on_progress: OnProgress) -> EpochReport:
        """Learn from every sample once, judge, and write what came of it."""
        order = order_of_epoch(self._plan, self.state.epoch, self._image_weights)
        self._learn(order, on_progress)
        report = self._judged()
        if report.is_best:
            done = {'epochs_done': report.epoch, 'validation_miou': report.miou}
            save_checkpoint(self._out, self.learner.average, {**self._record, **done})
        self.state.close_epoch(report)
        self._save()
        return report

    def _learn(self, order: Order, on_progress: OnProgress) -> None:
        """Take the steps that are left of this epoch; save now and then."""
        state, plan = self.state, self._plan
        start, total = state.batch * plan.batch, plan.epochs * (len(order) // plan.batch)
        samples = EpochSamples(self._split.training, plan, state.epoch, order, start)
        saved = time.monotonic()
        began = saved - state.seconds
        with denormals_flushed():
            for images, labels in batches_of(samples, plan, self._workers):
                rate = learning_rate(plan, state.steps, total)
                loss = self.learner.step(images, labels, rate, state.steps + 1)
                state.losses += [] if loss is None else [loss]
                state.batch, state.steps = state.batch + 1, state.steps + 1
                state.seconds = time.monotonic() - began
                on_progress(f'epoch {state.epoch + 1} of {plan.epochs}', state.steps, total)
                if time.monotonic() - saved > SAVE_EVERY_S:
                    self._save()
                    saved = time.monotonic()

    def _judged(self) -> EpochReport:
        """Judge the average of the weights."""
        plan, state, learner = self._plan, self.state, self.learner
        judgement = judge(
            learner.average,
            self._split.validation,
            plan,
            learner.class_weights,
            parts_of(self._classes),
        )
        miou = judgement.confusion.miou()
        report = EpochReport(
            epoch=state.epoch + 1,
            epochs=plan.epochs,
            loss=float(np.mean(state.losses)),
            validation_loss=judgement.loss,
            miou=miou,
            **class_values(judgement.confusion, [entry.name for entry in self._classes]),
            seconds=state.seconds,
            is_best=all(miou > earlier.miou for earlier in state.history),
            warnings=[],
        )
        return report._replace(warnings=warnings_about([*state.history, report]))

    def _save(self) -> None:
        """Write all that is needed to go on."""
        values = {'identity': self._identity, 'state': self.state.as_dict()}
        save_state(self._out, self.learner.tensors(), values)


def _share_cores() -> int:
    """Leave torch the cores that no worker needs; return how many processes make samples.

    Threads wait for each other at every layer: with one thread too many a step takes three times
    as long, since the slowest shares its core.
    """
    cores = len(os.sched_getaffinity(0))
    workers = max(1, min(MOST_WORKERS, cores // 2))
    torch.set_num_threads(max(1, min(torch.get_num_threads(), cores - workers)))
    return workers
