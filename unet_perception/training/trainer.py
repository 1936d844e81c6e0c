"""The training loop: samples in, checkpoint out.

Knows torch and the network; not how a model is exported or served.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import copy
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from ..core.frame import U8
from ..core.geometry import letterboxed
from ..core.scores import IGNORE, Confusion
from ..errors import DataError
from .augment import random_view
from .checkpoint import make_folder, save_checkpoint
from .dataset import (
    Pair,
    check_pairs,
    pairs_from_folder,
    read_pair,
    sha256_from_split,
    split_by_blocks,
)
from .plan import TrainingPlan
from .unet import UNet

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
"""ImageNet's channel statistics, in bytes; they end up inside the exported model file."""


class EpochReport(NamedTuple):
    """What one epoch yielded, judged on the validation split."""

    epoch: int
    epochs: int
    loss: float
    miou: float


class TrainingSamples(Dataset[tuple[Tensor, Tensor]]):
    """Augmented views; sample `k` of an epoch depends on seed, epoch and k alone."""

    def __init__(self, pairs: list[Pair], plan: TrainingPlan) -> None:
        self._pairs, self._plan = pairs, plan
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((self._plan.seed, self.epoch, index))
        image, mask = read_pair(self._pairs[index], self._plan.unet.classes)
        view, label = random_view(image, mask, self._plan.size, rng)
        return torch.from_numpy(view), torch.from_numpy(label)


def normalised(images: Tensor) -> Tensor:
    """Map bytes (N, H, W, 3) to what the network takes, (N, 3, H, W), channels last in memory."""
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


def train(
    data: Path, out: Path, plan: TrainingPlan, on_epoch: Callable[[EpochReport], None]
) -> None:
    """Train on `data`, keep the weights' moving average, write a checkpoint each epoch.

    RequestError for a plan or folder that can't be, DataError for data; both before any work.
    """
    plan.check()
    pairs = pairs_from_folder(data)
    split = split_by_blocks(pairs)
    check_pairs(pairs, plan.unet.classes)
    make_folder(out)
    record = _record(plan, sha256_from_split(split))
    torch.manual_seed(plan.seed)
    network = UNet(plan.unet).to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).eval()
    samples = TrainingSamples(split.training, plan)
    loader = DataLoader(  # workers are forked anew each epoch, and so learn its number
        samples, plan.batch, shuffle=True, drop_last=True, num_workers=1
    )
    if not len(loader):
        raise DataError(
            f'{len(samples)} training images do not fill a batch of {plan.batch}; '
            f'give more images or a smaller batch'
        )
    optimiser, schedule = _optimiser(network, plan, plan.epochs * len(loader))
    steps = 0
    for epoch in range(plan.epochs):
        samples.epoch, losses = epoch, []
        network.train()
        with _denormals_flushed():
            for images, labels in loader:
                if bool((labels == IGNORE).all()):
                    continue  # its mean loss, NaN, would stay in the weights
                losses.append(_step(network, optimiser, images, labels))
                schedule.step()
                steps += 1
                _follow(average, network, min(plan.ema_decay, steps / (steps + 10)))
        miou = validation_miou(average, split.validation, plan)
        record['epochs_done'], record['validation_miou'] = epoch + 1, miou
        save_checkpoint(out, average, record)
        on_epoch(EpochReport(epoch + 1, plan.epochs, float(np.mean(losses)), miou))


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Take the tiniest gradients for zero: computing with them costs four times the time."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _optimiser(network: UNet, plan: TrainingPlan, steps: int) -> tuple[Any, Any]:
    """Return AdamW and its schedule: a warm-up, then a cosine to nothing."""
    optimiser = torch.optim.AdamW(
        network.parameters(), plan.learning_rate, weight_decay=plan.weight_decay
    )
    warm_up = 0.1 if steps > 10 else 0.3  # torch divides by 0.1 * 10 - 1
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.learning_rate, total_steps=steps, pct_start=warm_up
    )
    return optimiser, schedule


def _step(network: UNet, optimiser: Any, images: Tensor, labels: Tensor) -> float:
    """Learn from one batch; return its loss."""
    with torch.autocast('cpu', torch.bfloat16):
        logits = network(normalised(images)).float()
    loss = functional.cross_entropy(logits, labels.long(), ignore_index=IGNORE)
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


@torch.inference_mode()
def validation_miou(network: UNet, pairs: list[Pair], plan: TrainingPlan) -> float:
    """Judge at network size, through the runtime's own letterbox."""
    confusion = Confusion(plan.unet.classes)
    for pair in pairs:
        image, mask = read_pair(pair, plan.unet.classes)
        canvas, placement = letterboxed(image, plan.size)
        logits = network(normalised(torch.from_numpy(canvas)[None]))
        plane: U8 = logits[0].argmax(0).to(torch.uint8).numpy()
        small = np.ascontiguousarray(placement.content(plane))
        confusion.add(_nearest(mask, small.shape), small)
    return confusion.miou()


def _nearest(mask: U8, shape: tuple[int, ...]) -> U8:
    """Sample `mask` at the centres of a coarser grid."""
    rows = ((np.arange(shape[0]) + 0.5) * mask.shape[0] / shape[0]).astype(int)
    columns = ((np.arange(shape[1]) + 0.5) * mask.shape[1] / shape[1]).astype(int)
    sampled: U8 = mask[np.ix_(rows, columns)]
    return sampled


@torch.no_grad()
def _follow(average: UNet, network: UNet, decay: float) -> None:
    """Move the averaged weights a step towards the trained ones; counters are copied."""
    ours, theirs = average.state_dict().values(), network.state_dict().values()
    for mine, other in zip(ours, theirs, strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(other, 1.0 - decay)
        else:
            mine.copy_(other)


def _record(plan: TrainingPlan, data_sha256: str) -> dict[str, Any]:
    """Return what the checkpoint says of its training, as JSON values."""
    values = {**plan._asdict(), 'size': list(plan.size)}
    del values['unet']
    return {
        'plan': values,
        'data_sha256': data_sha256,
        'normalisation': {'mean': list(MEAN), 'std': list(STD)},
        'tools': {'torch': torch.__version__, 'numpy': np.__version__, 'opencv': cv2.__version__},
        'threads': torch.get_num_threads(),  # another number, other rounding, other weights
    }
