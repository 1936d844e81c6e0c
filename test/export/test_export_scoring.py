"""Labelled images are scored through the pipeline, and the numbers fit the manifest."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from unet_perception.core.frame import U8
from unet_perception.core.geometry import Resize
from unet_perception.core.pipeline import SegmentationPipeline
from unet_perception.engines.fake import FakeEngine
from unet_perception.errors import DataError
from unet_perception.export.scoring import Scored, score_pairs
from unet_perception.training.dataset import pairs_from_folder

TRUTH: U8 = np.kron(np.uint8([[0, 1], [1, 1]]), np.ones((32, 32), np.uint8))


def folder_with(root: Path, *masks: U8) -> Path:
    for part in ('images', 'masks'):
        (root / part).mkdir()
    for k, mask in enumerate(masks):
        cv2.imwrite(str(root / 'images' / f'{k}.png'), np.zeros((*mask.shape, 3), np.uint8))
        cv2.imwrite(str(root / 'masks' / f'{k}.png'), mask)
    return root


def scored(root: Path, answer: U8, level: int, threshold: float = 0.0) -> Scored:
    """Score an engine that gives `answer` to every image, with one confidence."""
    planes = np.stack([np.where(answer == k, level, 255 - level) for k in range(3)])
    with FakeEngine(planes.astype(np.uint8)) as engine:
        pipeline = SegmentationPipeline(engine, Resize.LETTERBOX, threshold)
        return score_pairs(pipeline, pairs_from_folder(root), 3, lambda done: None)


def test_the_right_answer_has_perfect_scores_and_the_confidence_that_it_lacks(
    tmp_path: Path,
) -> None:
    told = scored(folder_with(tmp_path, TRUTH, TRUTH), TRUTH, 204).as_json()
    assert (told['backend'], told['images']) == ('fake', 2)
    assert told['miou'] == told['boundary_iou'] == told['coverage'] == 1.0
    assert told['iou'] == told['dice'] == told['precision'] == told['recall'] == [1.0, 1.0, None]
    assert (told['islands'], told['island_pixels']) == ([0, 0, 0], [0, 0, 0])
    assert told['ece'] == told['ece_boundary'] == pytest.approx(0.2)


def test_an_answer_of_nothing_but_one_class_shows_in_every_score(tmp_path: Path) -> None:
    told = scored(folder_with(tmp_path, TRUTH), np.ones_like(TRUTH), 255).as_json()
    assert told['iou'] == [0.0, 0.75, None]
    assert told['precision'] == [None, 0.75, None]
    assert told['recall'] == [0.0, 1.0, None]
    assert told['class_boundary_iou'][0] == 0.0
    assert told['ece'] == 0.25


def test_an_island_is_counted_by_class_and_image(tmp_path: Path) -> None:
    answer = TRUTH.copy()
    answer[40:44, 40:45] = 2
    told = scored(folder_with(tmp_path, TRUTH, TRUTH), answer, 255).as_json()
    assert (told['islands'], told['island_pixels']) == ([0, 0, 2], [0, 0, 40])


def test_what_the_pipeline_calls_unknown_is_coverage_that_it_lacks(tmp_path: Path) -> None:
    root = folder_with(tmp_path, TRUTH)
    told = scored(root, TRUTH, 204, threshold=0.9)
    assert told.scores.coverage == 0.0
    assert np.isnan(told.scores.pixel_accuracy)


def test_a_point_holds_numbers_only_by_the_names_of_classes(tmp_path: Path) -> None:
    point = scored(folder_with(tmp_path, TRUTH), TRUTH, 204).of_point(['sky', 'road', 'sea'])
    assert list(point) == ['miou', 'iou_sky', 'iou_road', 'boundary_iou', 'ece', 'ece_boundary']
    assert json.loads(json.dumps(point, allow_nan=False)) == point


def test_images_without_a_label_are_refused(tmp_path: Path) -> None:
    root = folder_with(tmp_path, np.full_like(TRUTH, 255))
    with pytest.raises(DataError, match='no pixel of the validation images has a label'):
        scored(root, TRUTH, 204)
