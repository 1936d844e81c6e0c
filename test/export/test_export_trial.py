"""Files on trial: scores are those of their masks, and a file that is worth less is refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from unet_perception.core.engine import Engine
from unet_perception.core.frame import U8
from unet_perception.core.geometry import Size
from unet_perception.core.golden import Golden
from unet_perception.core.manifest import Artifact, ModelFile
from unet_perception.core.progress import no_progress
from unet_perception.engines.fake import FakeEngine
from unet_perception.errors import DataError
from unet_perception.export import trial
from unet_perception.export.document import scores_of_point
from unet_perception.export.files import Made
from unet_perception.export.trial import Classes, Verdict, try_files
from unet_perception.training.dataset import pairs_from_folder

TRUTH: U8 = np.kron(np.uint8([[0, 1], [1, 2]]), np.ones((32, 32), np.uint8))
NAMES, SIZE = ('sky', 'road', 'line'), Size(64, 64)


def folder_with(root: Path, *masks: U8) -> Path:
    for part in ('images', 'masks'):
        (root / part).mkdir(parents=True)
    for k, mask in enumerate(masks):
        cv2.imwrite(str(root / 'images' / f'{k}.png'), np.zeros((*mask.shape, 3), np.uint8))
        cv2.imwrite(str(root / 'masks' / f'{k}.png'), mask)
    return root


def planes_of(mask: U8, level: int = 204) -> U8:
    """Return probabilities whose largest is that of `mask`, (C, H, W)."""
    return np.stack([np.where(mask == k, level, (255 - level) // 2) for k in range(3)]).astype(
        'u1'
    )


def tried(
    root: Path, monkeypatch: pytest.MonkeyPatch, parts: dict[int, int], **answers: U8
) -> Verdict:
    """Try a file for each precision that answers every image with the same mask."""
    golden = Golden(np.zeros((*SIZE, 3), np.uint8), planes_of(TRUTH))

    def opened(content: bytes, artifact: Artifact, classes: int) -> Engine:
        assert classes == len(NAMES)
        return FakeEngine(planes_of(answers[artifact.precision]), precision=artifact.precision)

    monkeypatch.setattr(trial, 'reference_engine', opened)
    file = ModelFile('golden.npz', '', 1)
    files = [
        Made(Artifact(ModelFile(f'{name}.onnx', '', 1), name, *SIZE), b'', file, golden)
        for name in answers
    ]
    return try_files(files, pairs_from_folder(root), Classes(NAMES, parts), no_progress)


def with_wrong(count: int, wrong: int = 0, right: int = 1) -> U8:
    """Return the truth with `count` pixels of class `right` called `wrong`."""
    mask = TRUTH.copy()
    rows, columns = np.nonzero(mask == right)
    mask[rows[:count], columns[:count]] = wrong
    return mask


def test_the_right_answer_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder_with(tmp_path, TRUTH, TRUTH)
    verdict = tried(root, monkeypatch, {}, fp32=TRUTH, fp16=TRUTH, int8=TRUTH)
    assert verdict.scores[SIZE].miou == 1.0
    assert verdict.scores[SIZE].images == 2
    for outcome in verdict.outcomes:
        assert outcome.iou == outcome.class_iou_to_fp32 == [1.0, 1.0, 1.0]
        assert outcome.refusal == ''


def test_a_class_that_loses_more_than_a_point_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder_with(tmp_path, TRUTH)
    line = int((TRUTH == 2).sum())
    bad, good = (with_wrong(count, 1, 2) for count in (line * 2 // 100, line // 200))
    verdict = tried(root, monkeypatch, {}, fp32=TRUTH, fp16=good, int8=bad)
    (_, fp16, int8) = verdict.outcomes
    assert fp16.refusal == ''
    assert "class 'line' loses 2.0 points of IoU" in int8.refusal
    assert int8.iou[2] == pytest.approx(0.98, abs=1e-3)


def test_the_loss_is_that_of_the_score_not_of_the_agreement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder_with(tmp_path, with_wrong(500))
    verdict = tried(root, monkeypatch, {}, fp32=TRUTH, fp16=with_wrong(500))
    outcome = verdict.outcomes[1]
    assert outcome.iou == [1.0, 1.0, 1.0]
    assert min(outcome.class_iou_to_fp32[:2]) < 0.8
    assert outcome.refusal.startswith('fp16.onnx: its answer to the golden image differs')
    assert 'leave that precision out' in outcome.refusal


def test_a_part_that_is_taken_for_its_whole_costs_the_whole_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder_with(tmp_path, TRUTH)
    blind = with_wrong(1024, 1, 2)
    apart = tried(root, monkeypatch, {}, fp32=blind).scores[SIZE]
    together = tried(root, monkeypatch, {2: 1}, fp32=blind).scores[SIZE]
    assert (apart.iou[1], together.iou[1]) == (pytest.approx(2 / 3), 1.0)
    assert apart.iou[2] == together.iou[2] == 0.0


def test_a_point_holds_numbers_only_by_the_names_of_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder_with(tmp_path, np.minimum(TRUTH, 1))
    scores = tried(root, monkeypatch, {}, fp32=np.minimum(TRUTH, 1)).scores[SIZE]
    point = scores_of_point(scores, NAMES)
    assert list(point) == ['miou', 'iou_sky', 'iou_road', 'boundary_iou', 'ece', 'ece_boundary']


def test_images_without_a_label_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder_with(tmp_path, np.full_like(TRUTH, 255))
    with pytest.raises(DataError, match='no pixel of the validation images has a label'):
        tried(root, monkeypatch, {}, fp32=TRUTH)
