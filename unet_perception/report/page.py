"""Parts of a page that needs nothing but itself: text, tables, pictures, one style.

Knows HTML; not what is reported. `str` is text and gets escaped, `Html` is markup already.
"""

import base64
from collections.abc import Iterator, Sequence
import html
from pathlib import Path
from typing import NewType

from ..core.files import replace_file
from ..errors import RequestError

Html = NewType('Html', str)

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def element(tag: str, *parts: Html, **attributes: str) -> Html:
    """Return an element; `cls` stands for the attribute `class`."""
    pairs = (f' {name.replace("cls", "class")}="{text(v)}"' for name, v in attributes.items())
    return Html(f'<{tag}{"".join(pairs)}>{"".join(parts)}</{tag}>')


def text(value: str) -> Html:
    """Escape text that may come from anywhere."""
    return Html(html.escape(value, quote=True))


def heading(over: str, title: str, *details: str, alarm: bool = False) -> Html:
    """Open the page: a line above, the outcome as a sentence, details; alarm if it went wrong."""
    lines = (element('p', text(detail)) for detail in details)
    above = element('p', text(over), cls='over')
    kind = 'alarm' if alarm else 'plain'
    return element('header', above, element('h1', text(title)), *lines, cls=kind)


def section(title: str, *parts: Html) -> Html:
    """Return a titled block."""
    return element('section', element('h2', text(title)), *parts)


def paragraph(sentences: str) -> Html:
    """Return a paragraph of plain text."""
    return element('p', text(sentences))


def grid(*parts: Html) -> Html:
    """Lay parts side by side where the screen is wide enough; an odd first one takes a row."""
    return element('div', *parts, cls='grid')


def table(header: Sequence[str], rows: Sequence[Sequence[str]], numeric: bool = True) -> Html:
    """Return a table; the first column names the row, the others are numbers unless told."""
    head = element('tr', *(element('th', text(cell), scope='col') for cell in header))
    body = (
        element('tr', element('th', text(name), scope='row'), *_cells(cells))
        for name, *cells in rows
    )
    inside = (element('thead', head), *body) if header else tuple(body)
    framed = element('table', *inside, cls='numeric' if numeric else 'facts')
    return element('div', framed, cls='scroll')


def _cells(cells: Sequence[str]) -> Iterator[Html]:
    return (element('td', text(cell)) for cell in cells)


def shares(rows: Sequence[tuple[str, float]]) -> Html:
    """Return a table of named shares (0 to 1), each with a bar."""
    return element('div', element('table', *map(_share, rows), cls='shares'), cls='scroll')


def _share(row: tuple[str, float]) -> Html:
    name, share = row
    width = f'width:{100 * min(max(share, 0.0), 1.0):.2f}%'
    bar = element('div', element('i', style=width), cls='bar')
    name_cell = element('th', text(name), scope='row')
    return element('tr', name_cell, element('td', text(percent(share))), element('td', bar))


def figure(content: Html, caption: str) -> Html:
    """Put a caption under a picture or plot."""
    return element('figure', content, element('figcaption', text(caption)))


def picture(jpeg: bytes, caption: str) -> Html:
    """Return a JPEG file, carried inside the page, with its caption."""
    data = base64.b64encode(jpeg).decode()
    image = f'<img alt="{text(caption)}" src="data:image/jpeg;base64,{data}">'
    return figure(Html(image), caption)


def percent(share: float) -> str:
    """Write a share of 1 as a percentage."""
    return f'{100 * share:.1f} %'


def page(title: str, *parts: Html) -> Html:
    """Return the document; its policy forbids scripts and anything from elsewhere."""
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<title>{text(title)}</title><style>{_STYLE}</style>'
    )
    body = '\n'.join(parts)
    return Html(
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n'
        f'<body><main>\n{body}\n</main></body></html>\n'
    )


def write_page(file: Path, content: Html) -> None:
    """Write the page in one step: `file` is the old or the new, never half; RequestError."""
    try:
        replace_file(file, content.encode('utf-8', 'replace'))
    except OSError as exc:
        raise RequestError(
            f'report {str(file)!r} was not written: {exc.strerror}; choose another folder'
        ) from exc


_STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfbf9; --card: #ffffff; --ink: #1c2126; --muted: #626b75; --rule: #dfe2e5;
  --accent: #2a6fb5; --soft: #a9c8e8; --mark: #b4540a; --alarm: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171a; --card: #1b1f23; --ink: #e6e8ea; --muted: #9aa4ae; --rule: #333a41;
  --accent: #6aaef0; --soft: #35597d; --mark: #f0a35e; --alarm: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif;
  overflow-wrap: anywhere; -webkit-text-size-adjust: 100%; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 56px; }
header { border-left: 4px solid var(--accent); padding-left: 18px; margin-bottom: 28px; }
header.alarm { border-color: var(--alarm); }
header.alarm .over { color: var(--alarm); }
header p { margin: 6px 0 0; color: var(--muted); }
header .over { margin: 0; font-size: 13px; letter-spacing: .04em; }
h1 { margin: 2px 0 0; font-size: clamp(21px, 3.4vw, 30px); line-height: 1.25;
  font-weight: 650; text-wrap: balance; }
h2 { margin: 36px 0 12px; font-size: 18px; font-weight: 650; }
section > p { max-width: 70ch; margin: 12px 0 0; }
.grid { display: grid; gap: 16px; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); }
.grid > :first-child:nth-last-child(odd) { grid-column: 1 / -1; }
figure { margin: 0; padding: 12px; background: var(--card); border: 1px solid var(--rule);
  border-radius: 8px; min-width: 0; }
figure img, figure svg { display: block; width: 100%; height: auto; }
figure img { border-radius: 4px; }
figcaption { margin-top: 8px; font-size: 14px; color: var(--muted); }
svg text { font-family: inherit !important; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
.scroll { overflow-x: auto; padding: 4px 14px; background: var(--card);
  border: 1px solid var(--rule); border-radius: 8px; }
table { width: 100%; border-collapse: collapse; font-size: 15px;
  font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: 6px 0 6px 14px; text-align: left; vertical-align: baseline; }
th:first-child, td:first-child { padding-left: 0; }
tr + tr > *, thead + tr > * { border-top: 1px solid var(--rule); }
th { font-weight: 500; }
thead th { color: var(--muted); font-size: 13px; }
.numeric th + th, .numeric td { text-align: right; white-space: nowrap; }
.facts th { color: var(--muted); width: 11em; }
.facts td, .shares th { overflow-wrap: anywhere; }
.shares th { width: 32%; }
.shares td { text-align: right; white-space: nowrap; width: 5em; }
.shares td:last-child { width: auto; }
.bar { height: 10px; border-radius: 5px; background: var(--rule); overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--accent); }
@media print { figure, .scroll, tr { break-inside: avoid; } }
"""
