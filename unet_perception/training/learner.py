"""The network on its way: one step a batch, and the average of its weights.

Knows torch; not data sets, epochs or files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import copy
import math

import torch
from torch import Tensor

from ..core.scores import IGNORE
from ..errors import RequestError
from .check import Counts
from .losses import loss_of_batch
from .plan import TrainingPlan
from .unet import UNet
from .validation import normalised


class Learner:
    """Network, moving average and optimiser, on a GPU where there is one."""

    def __init__(self, plan: TrainingPlan, counts: Counts) -> None:
        """Begin with weights that the seed decides; `counts` are the training pixels by class."""
        self._plan = plan
        device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        torch.manual_seed(plan.seed)
        self._network = UNet(plan.unet).to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self._network).eval()
        self._optimiser = torch.optim.AdamW(
            self._network.parameters(), plan.learning_rate, weight_decay=plan.weight_decay
        )
        self._dtype = _dtype(plan, device)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._dtype is torch.float16)
        self.class_weights = class_weights(plan, counts).to(device)

    def step(self, images: Tensor, labels: Tensor, rate: float, number: int) -> float | None:
        """Learn from bytes (N, H, W, 3) and ids (N, H, W), as step `number`, from 1 on.

        Return the loss, or None if nothing is labelled. RequestError if training went astray.
        """
        if bool((labels == IGNORE).all()):
            return None
        device = self.class_weights.device
        images, labels = images.to(device), labels.to(device).long()
        self._network.train()
        with torch.autocast(device.type, self._dtype, self._dtype is not torch.float32):
            logits = self._network(normalised(images)).float()
        loss = loss_of_batch(logits, labels, self._plan.loss, self.class_weights)
        if not bool(loss.isfinite()):
            raise RequestError(
                f'the loss is {loss.item()} at step {number}: training went astray; '
                f'try half the learning_rate ({self._plan.learning_rate / 2:g})'
            )
        self._update(loss, rate)
        follow(self.average, self._network, min(self._plan.ema_decay, number / (number + 10)))
        return float(loss.item())

    def _update(self, loss: Tensor, rate: float) -> None:
        """Go down the gradient, clipped."""
        for group in self._optimiser.param_groups:
            group['lr'] = rate
        self._optimiser.zero_grad()
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimiser)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._plan.clip_norm)
        self._scaler.step(self._optimiser)
        self._scaler.update()

    def tensors(self) -> dict[str, Tensor]:
        """Return all that decides the next step, by name; `take_up` is the inverse."""
        scaler = self._scaler.state_dict()
        return {
            **{f'network.{k}': v for k, v in self._network.state_dict().items()},
            **{f'average.{k}': v for k, v in self.average.state_dict().items()},
            **{
                f'optimiser.{index}.{k}': v
                for index, state in self._optimiser.state_dict()['state'].items()
                for k, v in state.items()
            },
            **{f'scaler.{k}': torch.tensor(v) for k, v in scaler.items()},
        }

    def take_up(self, tensors: dict[str, Tensor]) -> None:
        """Go on from stored tensors; RuntimeError, KeyError or ValueError for others."""
        self._network.load_state_dict(_part(tensors, 'network'))
        self.average.load_state_dict(_part(tensors, 'average'))
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, 'optimiser').items():
            index, _, key = name.partition('.')
            state.setdefault(int(index), {})[key] = tensor
        groups = self._optimiser.state_dict()['param_groups']
        if state and len(state) != sum(len(group['params']) for group in groups):
            raise ValueError('the optimiser knows other weights')
        self._optimiser.load_state_dict({'state': state, 'param_groups': groups})
        if scaler := _part(tensors, 'scaler'):
            self._scaler.load_state_dict({name: value.item() for name, value in scaler.items()})


def _part(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    prefix = f'{part}.'
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _dtype(plan: TrainingPlan, device: torch.device) -> torch.dtype:
    """Return what convolutions compute in."""
    if plan.precision == 'float32':
        return torch.float32
    if device.type == 'cpu' or torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return torch.float16


def class_weights(plan: TrainingPlan, counts: Counts) -> Tensor:
    """Return the cross-entropy's weight of each class, (C,); their mean over pixels is 1."""
    if plan.class_weights == 'none':
        return torch.ones(plan.unet.classes)
    pixels = torch.as_tensor(counts[: plan.unet.classes], dtype=torch.float64)
    shares = (pixels / pixels.sum()).clamp(min=1e-6)
    weights = shares.rsqrt()
    return (weights / (weights * shares).sum()).float()


def learning_rate(plan: TrainingPlan, step: int, steps: int) -> float:
    """Rise in a line over the warm-up, then fall as a cosine to nothing.

    Cosine after Loshchilov and Hutter 2017 (SGDR), eq. 5 without restarts.
    """
    warm_up = round(plan.warm_up * steps)
    if step < warm_up:
        return plan.learning_rate * (step + 1) / warm_up
    done = (step - warm_up) / max(steps - warm_up, 1)
    return plan.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))


@torch.no_grad()
def follow(average: UNet, network: UNet, decay: float) -> None:
    """Move the averaged weights a step towards the trained ones; counters are copied."""
    ours, theirs = average.state_dict().values(), network.state_dict().values()
    for mine, other in zip(ours, theirs, strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(other, 1.0 - decay)
        else:
            mine.copy_(other)


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Take the tiniest gradients for zero: computing with them costs four times the time."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
