"""The verb `check-data`: what it prints, what its page shows, and how it ends."""

import json
from pathlib import Path
import re
import sys

import cv2
import numpy as np
import pytest
from toy import write_noise

from unet_perception.cli.check_data import summary_of
from unet_perception.cli.main import main
from unet_perception.core.progress import no_progress
from unet_perception.training.check import check_folder

NAMES = 'abcdefgh'


def check(*words: object) -> int:
    return main(['check-data', *map(str, words)])


def test_good_data_ends_with_0_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_noise(tmp_path, NAMES)
    assert check(root) == 0
    out, err = capsys.readouterr()
    assert err == ''
    assert '8 pairs of image and mask can be trained on\nreport: ' in out
    assert re.search(r'ground +33\.33 % of the labelled pixels', out)
    page = (root / 'report.html').read_text()
    assert '8 pairs of image and mask can be trained on' in page
    assert page.count('data:image/jpeg') == 8
    assert 'a (training): left 25 %, right 25 %, not labelled 25 %' in page


def test_errors_are_told_a_sentence_each_and_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_noise(tmp_path, NAMES)
    (root / 'masks' / 'b.png').unlink()
    cv2.imwrite(str(root / 'masks' / 'c.png'), np.full((8, 12), 7, np.uint8))
    (root / 'images' / 'd.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    assert check(root, '--report', tmp_path / 'page.html') == 2
    out, err = capsys.readouterr()
    errors = err.splitlines()
    assert len(errors) == 3
    assert all(re.match(r'error: .*/[bcd]\.png', line) for line in errors)
    assert '3 errors: not to be trained on as it is' in out
    page = (tmp_path / 'page.html').read_text()
    assert 'holds id 7; 3 classes and 255 exist' in page
    assert not (root / 'report.html').exists()


def test_findings_are_told_even_if_the_page_can_not_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_noise(tmp_path, NAMES)
    (root / 'masks' / 'b.png').unlink()
    assert check(root, '--report', tmp_path / 'nowhere' / 'page.html') == 2
    err = capsys.readouterr().err
    assert 'has no mask' in err
    assert 'was not written' in err


def test_json_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_noise(tmp_path, NAMES)
    assert check(root, '--json') == 0
    told = json.loads(capsys.readouterr().out)
    summary = summary_of(root, check_folder(root, no_progress))
    assert told == json.loads(json.dumps(summary._asdict()))
    assert told['sides'] == {'training': 6, 'validation': 2}
    assert told['sizes'] == {'12x8': 8}
    assert set(told['shares']) == {'all', 'training', 'validation'}


def test_a_name_of_a_file_is_text_in_the_page(tmp_path: Path) -> None:
    root = write_noise(tmp_path, NAMES)
    for part in ('images', 'masks'):
        (root / part / 'a.png').rename(root / part / '<b>a&b.png')
    assert check(root) == 0
    page = (root / 'report.html').read_text()
    assert '&lt;b&gt;a&amp;b (training): ' in page
    assert '<b>a' not in page


@pytest.mark.parametrize(
    ('break_it', 'complaint'),
    [
        (lambda root: (root / 'classes.yaml').unlink(), 'classes.yaml.* is missing; write one'),
        (lambda root: [f.unlink() for f in (root / 'images').iterdir()], 'holds no image'),
    ],
)
def test_a_folder_that_is_no_data_is_refused_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], break_it: object, complaint: str
) -> None:
    break_it(write_noise(tmp_path, NAMES))
    assert check(tmp_path) == 2
    out, err = capsys.readouterr()
    assert out == ''
    assert re.fullmatch(f'unet_perception check-data: .*{complaint}.*\n', err)


def test_one_image_alone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(write_noise(tmp_path, 'a')) == 2
    assert re.search(r'error: 1 image\(s\) .* too few to split', capsys.readouterr().err)


def test_a_split_that_can_not_be_written_is_refused_with_a_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_noise(tmp_path, NAMES)
    (root / 'split.json').mkdir()
    assert check(root) == 2
    assert "split.json' can't be written (Is a directory); link" in capsys.readouterr().err


def test_check_data_needs_no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith('unet_perception.training')]:
        monkeypatch.delitem(sys.modules, name)
    for name in ('torch', 'kornia', 'safetensors'):
        monkeypatch.setitem(sys.modules, name, None)
    assert check(write_noise(tmp_path, NAMES)) == 0
