"""The folder of a synthesis: whole, or not there."""

from pathlib import Path

import numpy as np
import pytest

from unet_perception.core.manifest import ClassInfo
from unet_perception.core.progress import no_progress
from unet_perception.errors import RequestError
from unet_perception.training.check import check_folder
from unet_perception.training.synthetic.folder import synthesis_folder

CLASSES = (ClassInfo(0, 'ground', (0, 0, 0)), ClassInfo(1, 'thing', (255, 0, 0)))


def fill(out: Path, images: int = 4) -> None:
    with synthesis_folder(out) as folder:
        for k in range(images):
            image = np.random.default_rng(k).integers(0, 256, (16, 24, 3), np.uint8)
            mask = np.tile(np.array([0, 1], np.uint8), (16, 12))
            folder.add(f'{k}', f'group{k}', image, {'masks': mask})
        folder.finish(CLASSES, {'seed': 3})


def test_what_was_filled_can_be_trained_on(tmp_path: Path) -> None:
    fill(tmp_path / 'deep' / 'out')
    assert check_folder(tmp_path / 'deep' / 'out', no_progress).findings == []
    assert [file.name for file in (tmp_path / 'deep').iterdir()] == ['out']


def test_what_is_interrupted_leaves_nothing_and_can_be_begun_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), synthesis_folder(tmp_path / 'out'):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    fill(tmp_path / 'out')
    assert (tmp_path / 'out' / 'synthesis.json').is_file()


def test_a_folder_with_something_in_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / 'mine').write_text('mine')
    with pytest.raises(RequestError, match='not an empty folder; name a new one'):
        fill(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ['mine']
