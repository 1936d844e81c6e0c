"""When an epoch's report warns, and when it does not."""

import numpy as np
import pytest

from unet_perception.core.scores import Confusion
from unet_perception.training.epoch_report import EpochReport, class_values, warnings_about

NAMES = ('ground', 'line')


def report(
    epoch: int, loss: float = 1.0, validation: float = 1.0, found: float = 0.01
) -> EpochReport:
    return EpochReport(
        epoch=epoch,
        epochs=20,
        loss=loss,
        validation_loss=validation,
        miou=0.5,
        iou={'ground': 0.9, 'line': 0.1},
        true_share={'ground': 0.99, 'line': 0.01},
        found_share={'ground': 1 - found, 'line': found},
        seconds=1.0,
        is_best=False,
        warnings=[],
    )


def test_a_class_that_is_no_longer_found_is_named_with_cures() -> None:
    (warning,) = warnings_about([report(5, found=0.00005)])
    assert warning.startswith("class 'line' collapsed: it has 1.00 % of the pixels and is found")
    assert 'class_weights: balanced, sampling: rare, or a Dice loss' in warning


@pytest.mark.parametrize(('epoch', 'found'), [(1, 0.0), (2, 0.0), (5, 0.0002), (5, 0.5)])
def test_no_collapse_is_told_early_or_of_a_class_that_is_found(epoch: int, found: float) -> None:
    assert warnings_about([report(epoch, found=found)]) == []


def test_overfitting_is_told_once_it_is_clear() -> None:
    history = [report(k, loss=1.0 / k, validation=0.5 + 0.1 * max(0, k - 3)) for k in range(1, 7)]
    assert warnings_about(history[:3]) == []
    (warning,) = warnings_about(history)
    assert warning.startswith('overfitting: since epoch 1 the training loss fell from 1.000')
    assert 'validation loss rose from 0.500 to 0.800' in warning


def test_what_was_told_is_not_told_again() -> None:
    told = report(5, found=0.0)._replace(warnings=warnings_about([report(5, found=0.0)]))
    assert told.warnings
    assert warnings_about([told, report(6, found=0.0)]) == []


@pytest.mark.parametrize(
    ('losses', 'validation'),
    [
        ([1.0, 0.8, 0.7, 0.6, 0.5], [1.0, 0.9, 0.8, 0.7, 0.6]),
        ([1.0, 0.8, 0.7, 0.6, 0.5], [0.5, 0.52, 0.53, 0.54, 0.54]),
        ([1.0, 1.1, 1.2, 1.3, 1.4], [0.5, 0.6, 0.7, 0.8, 0.9]),
    ],
    ids=['both fall', 'hardly rises', 'both rise'],
)
def test_what_is_no_overfitting_is_not_told(losses: list[float], validation: list[float]) -> None:
    pairs = enumerate(zip(losses, validation, strict=True), 1)
    assert warnings_about([report(k, *each) for k, each in pairs]) == []


def test_class_values_are_those_of_the_counts() -> None:
    confusion = Confusion(2)
    confusion.counts = np.array([[80, 10], [4, 6]])
    values = class_values(confusion, NAMES)
    assert values['iou'] == pytest.approx({'ground': 80 / 94, 'line': 6 / 20})
    assert values['true_share'] == pytest.approx({'ground': 0.9, 'line': 0.1})
    assert values['found_share'] == pytest.approx({'ground': 0.84, 'line': 0.16})


def test_a_class_that_is_neither_there_nor_found_has_no_iou() -> None:
    confusion = Confusion(2)
    confusion.counts = np.array([[5, 0], [0, 0]])
    assert class_values(confusion, NAMES)['iou'] == {'ground': 1.0, 'line': None}
