"""Tables between marks of a Markdown text, written anew.

Knows the marks; neither the tables nor the words around them.
"""

from collections.abc import Mapping
import re


def with_tables(text: str, tables: Mapping[str, str], writer: str) -> str:
    """Return `text` with each table put where `<!-- NAME: written by WRITER -->` stands."""
    for name, table in tables.items():
        mark = f'<!-- {name}: written by {writer} -->'
        pattern = re.compile(f'{re.escape(mark)}\n.*?<!-- end -->', re.DOTALL)
        assert pattern.search(text), f'{mark} is missing'
        text = pattern.sub(lambda _, new=f'{mark}\n{table}\n<!-- end -->': new, text)
    return text
