"""What an epoch shows the network: which images, in which order, in which views.

Knows pairs and seeds; not the network. Seed, epoch and place decide a sample, so it is the same
however many workers read, and wherever a run was interrupted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import signal
import threading

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..errors import DataError, RequestError
from .augment import RandomView
from .check import Counts
from .dataset import Pair, read_pair
from .plan import TrainingPlan

Order = NDArray[np.int64]


class EpochSamples(Dataset[tuple[Tensor, Tensor]]):
    """The views of one epoch in their order, from place `start` on."""

    def __init__(
        self, pairs: Sequence[Pair], plan: TrainingPlan, epoch: int, order: Order, start: int = 0
    ) -> None:
        self._pairs, self._plan, self._epoch = pairs, plan, epoch
        self._order, self._start = order, start
        self._view = RandomView(plan.augmentation, plan.size)

    def __len__(self) -> int:
        return len(self._order) - self._start

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        place = self._start + index
        image, mask = read_pair(self._pairs[self._order[place]], self._plan.unet.classes)
        state = np.random.SeedSequence((self._plan.seed, self._epoch, place)).generate_state(1)
        view, label = self._view(image, mask, int(state[0]))
        return torch.from_numpy(view), torch.from_numpy(label)


def order_of_epoch(plan: TrainingPlan, epoch: int, weights: NDArray[np.float64]) -> Order:
    """Return the indices of an epoch's images, as many as fill whole batches.

    Each image once; or, with `sampling: rare`, drawn in proportion to its weight, (N,).
    """
    rng = np.random.default_rng((plan.seed, epoch))
    count = len(weights)
    if plan.sampling == 'rare':
        order = rng.choice(count, count, p=weights / weights.sum())
    else:
        order = rng.permutation(count)
    return order[: count - count % plan.batch].astype(np.int64)


def rare_class_weights(counts: Sequence[Counts], classes: int) -> NDArray[np.float64]:
    """Return how often to draw each image, (N,): a class at random, then an image by its pixels.

    Rare-class sampling after Hoyer et al. 2022 (DAFormer, section 3.3), with all classes alike.
    """
    pixels = np.array([c[:classes] for c in counts], np.float64)  # (N, C)
    shares = pixels / np.maximum(pixels.sum(0), 1.0)
    weights: NDArray[np.float64] = shares.mean(1) + 1e-6 / len(pixels)
    return weights


def batches_of(
    samples: EpochSamples, plan: TrainingPlan, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Read samples in worker processes, in their order: bytes (N, H, W, 3) and ids (N, H, W).

    DataError names a file that broke meanwhile; RequestError if a process was ended.
    """
    loader = DataLoader(samples, plan.batch, num_workers=workers)
    with _interrupts_wait(), _signals_of_children_kept():
        batches = iter(loader)
    try:
        yield from batches
    except DataError as exc:  # torch puts the worker's whole traceback before the sentence
        raise DataError(str(exc).rpartition('DataError: ')[2].strip()) from exc
    except (RuntimeError, OSError, EOFError) as exc:  # of a connection they may have no words
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[-1]
        raise RequestError(
            f'reading images failed ({reason}); is there memory, and '
            f'room in /dev/shm? The same command goes on where it was'
        ) from exc


@contextmanager
def _signals_of_children_kept() -> Iterator[None]:
    """Take back torch's handler of SIGCHLD, which raises wherever the main thread happens to be.

    Without it, the queue looks every 5 s whether a process was ended, and raises where it is read.
    """
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, before)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Hold Ctrl-C back while processes are started: there, Python would lose it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
