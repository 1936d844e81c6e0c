"""The training loop: data in, checkpoint out; killed at any moment, it goes on where it was.

Knows the order of things; steps, samples, judgement and files are next door.
"""

from collections.abc import Callable
from dataclasses import replace
import os
from pathlib import Path
import time
from typing import Any

import numpy as np
import torch

from ..errors import DataError, RequestError
from .board import Board
from .check import DataCheck, check_folder
from .checkpoint import load_state, make_folder, save_checkpoint, save_state
from .learner import Learner, denormals_flushed, learning_rate
from .plan import TrainingPlan
from .progress import Progress, progress_from_dict
from .record import difference, record_of_run
from .report import EpochReport, class_values, warnings_about
from .samples import EpochSamples, loader_of, order_of_epoch, rare_class_weights
from .split import Split
from .validation import judge

SAVE_EVERY_S = 300.0
MOST_WORKERS = 8

OnEpoch = Callable[[EpochReport], None]
OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def no_progress(what: str, done: int, total: int) -> None:
    """Show nothing."""


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
    check = check_folder(data, lambda done, total: on_progress('checking the data', done, total))
    split = sound_split(data, check)
    plan = replace(plan, unet=replace(plan.unet, classes=len(check.classes)))
    if len(split.training) < plan.batch:
        raise DataError(
            f'{len(split.training)} training images do not fill a batch of {plan.batch}; '
            f'give more images or a smaller batch'
        )
    make_folder(out)
    workers = _share_cores()
    run = Run(out, plan, check, split, workers)
    run.go_on()
    with Board(out, check.classes, split.validation, run.progress.epoch + 1) as board:
        while not run.is_done:
            report = run.one_epoch(on_progress)
            board.show(report, run.learner.average, plan)
            on_epoch(report)
    return run.progress.history


def sound_split(data: Path, check: DataCheck) -> Split:
    """Return the split of data without errors; DataError with the first there is."""
    if check.errors:
        others = len(check.errors) - 1
        hint = f'; {others} more: unet_perception check-data {data}' if others else ''
        raise DataError(check.errors[0] + hint)
    assert check.split is not None, 'made unless there are errors'
    return check.split


class Run:
    """A learner, the data it learns from and how far it is."""

    def __init__(
        self, out: Path, plan: TrainingPlan, check: DataCheck, split: Split, workers: int
    ) -> None:
        self._out, self._plan, self._split, self._workers = out, plan, split, workers
        self._names = [entry.name for entry in check.classes]
        counts = {fact.pair.name: fact.counts for fact in check.facts}
        training = [counts[pair.name] for pair in split.training]
        self.learner = Learner(plan, np.sum(training, axis=0))
        self._image_weights = rare_class_weights(training, len(self._names))
        self._record = record_of_run(plan, check)
        self.progress = Progress()

    @property
    def is_done(self) -> bool:
        """Tell whether all epochs are done, or patience is at its end."""
        progress, plan = self.progress, self._plan
        return progress.epoch >= plan.epochs or 0 < plan.patience <= progress.epochs_since_best()

    def go_on(self) -> None:
        """Take up what the folder holds, if anything; RequestError if it is of another run."""
        stored = load_state(self._out)
        if stored is None:
            return
        tensors, values = stored
        ours = {'unet': self._plan.unet.as_dict(), **self._record}
        if other := difference(values['record'], ours):
            raise RequestError(
                f'{str(self._out)!r} holds a training with {other}; give another folder, or the '
                f'request that it was begun with'
            )
        self.learner.take_up(tensors)
        self.progress = progress_from_dict(values['progress'])

    def one_epoch(self, on_progress: OnProgress) -> EpochReport:
        """Learn from every sample once, judge, and write what came of it."""
        order = order_of_epoch(self._plan, self.progress.epoch, self._image_weights)
        self._learn(order, on_progress)
        report = self._judged()
        if report.is_best:
            done = {'epochs_done': report.epoch, 'validation_miou': report.miou}
            save_checkpoint(self._out, self.learner.average, {**self._record, **done})
        self.progress.close_epoch(report)
        self._save()
        return report

    def _learn(self, order: Any, on_progress: OnProgress) -> None:
        """Take the steps that are left of this epoch; save now and then."""
        progress, plan = self.progress, self._plan
        start, total = progress.batch * plan.batch, plan.epochs * (len(order) // plan.batch)
        samples = EpochSamples(self._split.training, plan, progress.epoch, order, start)
        saved = time.monotonic()
        began = saved - progress.seconds
        with denormals_flushed():
            for images, labels in loader_of(samples, plan, self._workers):
                rate = learning_rate(plan, progress.steps, total)
                loss = self.learner.step(images, labels, rate, progress.steps + 1)
                progress.losses += [] if loss is None else [loss]
                progress.batch, progress.steps = progress.batch + 1, progress.steps + 1
                progress.seconds = time.monotonic() - began
                on_progress(f'epoch {progress.epoch + 1} of {plan.epochs}', progress.steps, total)
                if time.monotonic() - saved > SAVE_EVERY_S:
                    self._save()
                    saved = time.monotonic()

    def _judged(self) -> EpochReport:
        """Judge the average of the weights."""
        plan, progress, learner = self._plan, self.progress, self.learner
        judgement = judge(learner.average, self._split.validation, plan, learner.class_weights)
        miou = judgement.confusion.miou()
        report = EpochReport(
            epoch=progress.epoch + 1,
            epochs=plan.epochs,
            loss=float(np.mean(progress.losses)),
            validation_loss=judgement.loss,
            miou=miou,
            **class_values(judgement.confusion, self._names),
            seconds=progress.seconds,
            is_best=all(miou > earlier.miou for earlier in progress.history),
            warnings=[],
        )
        return report._replace(warnings=warnings_about([*progress.history, report]))

    def _save(self) -> None:
        """Write all that is needed to go on."""
        record = {'unet': self._plan.unet.as_dict(), **self._record}
        values = {'record': record, 'progress': self.progress.as_dict()}
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
