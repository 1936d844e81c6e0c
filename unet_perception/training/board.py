"""A run as TensorBoard shows it: losses, IoU by class, and what the network sees.

Knows TensorBoard's writer; not training. `tensorboard --logdir OUT` opens it.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
import threading

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from ..core.frame import U8
from ..core.geometry import letterboxed
from ..core.manifest import ClassInfo
from ..core.overlay import bgr_table, overlay
from .checkpoint import full_disk
from .dataset import Pair, read_pair
from .epoch_report import EpochReport
from .plan import TrainingPlan
from .validation import label_on_canvas, normalised

FOLDER, MOST_PICTURES = 'tensorboard', 4


class Board:
    """One run's events; a context manager."""

    def __init__(
        self, out: Path, classes: Sequence[ClassInfo], pairs: Sequence[Pair], first_epoch: int
    ) -> None:
        self._folder = out / FOLDER
        try:
            self._writer = SummaryWriter(str(self._folder), purge_step=first_epoch)
        except OSError as exc:
            raise full_disk(self._folder, exc) from exc
        self._table = bgr_table([entry.color for entry in classes])
        self._pairs = pairs[:: max(1, len(pairs) // MOST_PICTURES)][:MOST_PICTURES]

    def __enter__(self) -> 'Board':
        self._hook, threading.excepthook = threading.excepthook, self._on_thread_error
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a full disk was told of by the epoch, or ends the next run
            self._writer.close()
        threading.excepthook = self._hook

    def _on_thread_error(self, error: threading.ExceptHookArgs) -> None:
        """Let the writer's thread end without a traceback: its next caller gets the error."""
        if not isinstance(error.exc_value, OSError):
            self._hook(error)

    def show(self, report: EpochReport, network: nn.Module, plan: TrainingPlan) -> None:
        """Add an epoch; RequestError if the disk is full."""
        try:
            self._add(report, network, plan)
        except OSError as exc:
            raise full_disk(self._folder, exc) from exc

    def _add(self, report: EpochReport, network: nn.Module, plan: TrainingPlan) -> None:
        scalars = {
            'loss/training': report.loss,
            'loss/validation': report.validation_loss,
            'miou': report.miou,
            **{f'iou/{name}': value for name, value in report.iou.items() if value is not None},
        }
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, report.epoch)
        for pair in self._pairs:
            picture = self._picture(pair, network, plan)
            self._writer.add_image(
                f'truth, prediction/{pair.name}', picture, report.epoch, dataformats='HWC'
            )
        self._writer.flush()

    @torch.inference_mode()
    def _picture(self, pair: Pair, network: nn.Module, plan: TrainingPlan) -> U8:
        """Return truth beside prediction, RGB (H, 2W, 3)."""
        image, mask = read_pair(pair, plan.unet.classes)
        canvas, placement = letterboxed(image, plan.size)
        device = next(network.parameters()).device
        logits: Tensor = network(normalised(torch.from_numpy(canvas)[None].to(device)))
        found = logits[0].argmax(0).to(torch.uint8).cpu().numpy()
        masks = (label_on_canvas(mask, placement), found)
        bgr = canvas[..., ::-1]
        both = np.hstack([overlay(bgr, each, self._table) for each in masks])
        rgb: U8 = cv2.cvtColor(both, cv2.COLOR_BGR2RGB)
        return rgb
