"""Parts of a page: text is escaped, files are replaced in one step."""

from pathlib import Path

import pytest

from unet_perception.errors import RequestError
from unet_perception.report import page

HOSTILE = '"><script>alert(1)</script>&'


@pytest.mark.parametrize(
    'part',
    [
        page.paragraph(HOSTILE),
        page.heading(HOSTILE, HOSTILE, HOSTILE),
        page.section(HOSTILE),
        page.table((HOSTILE, HOSTILE), [(HOSTILE, HOSTILE)]),
        page.shares([(HOSTILE, 0.5)]),
        page.picture(b'', HOSTILE),
        page.page(HOSTILE),
    ],
)
def test_text_never_becomes_markup(part: page.Html) -> None:
    assert '<script' not in part
    assert '&lt;script&gt;' in part
    assert '"&gt;' not in part


def test_shares_outside_0_to_1_stay_inside_their_bar() -> None:
    bars = page.shares([('much', 7.0), ('little', -1.0)])
    assert 'width:100.00%' in bars
    assert 'width:0.00%' in bars


def test_a_page_is_written_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / 'report.html'
    file.write_text('old')
    page.write_page(file, page.page('new'))
    assert '<title>new</title>' in file.read_text()
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_keeps_the_old_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    file = tmp_path / 'report.html'
    file.write_text('old')
    monkeypatch.setattr(Path, 'replace', refuse)
    with pytest.raises(RequestError, match='No space left'):
        page.write_page(file, page.page('new'))
    assert file.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [file]


def test_a_page_is_drafted_in_the_folder_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves: list[tuple[Path, Path]] = []
    monkeypatch.setattr(Path, 'replace', lambda old, new: moves.append((old, new)))
    page.write_page(tmp_path / 'report.html', page.page('new'))
    ((draft, file),) = moves
    assert draft.parent == file.parent == tmp_path


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"absent/report\.html' was not written"):
        page.write_page(tmp_path / 'absent' / 'report.html', page.page('new'))


def test_text_that_utf8_cannot_hold_is_still_written(tmp_path: Path) -> None:
    page.write_page(tmp_path / 'report.html', page.paragraph('lone \ud800 surrogate'))
    assert (tmp_path / 'report.html').read_text() == '<p>lone ? surrogate</p>'
