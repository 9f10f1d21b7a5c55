"""The words that a source file can name keys by."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

MOST_BYTES = 4_000_000
_MOST_FILES = 500
_LONGEST_KEY = 100

_TOKEN = re.compile(
    r"#[^\n]*"
    r"|(?P<long>[A-Za-z]{0,2}(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''))"
    r"|[A-Za-z]{0,2}\"(?P<double>(?:[^\"\\\n]|\\.)*)\""
    r"|[A-Za-z]{0,2}'(?P<single>(?:[^'\\\n]|\\.)*)'"
    r"|(?P<word>[^\W\d]\w*)"
)
_WORD = re.compile(r"\w+")
_EXPRESSION = re.compile(r"\{[{%][\s\S]*?[%}]\}")
_DEFINITION = re.compile(r"\s*(async\s+)?def\s")
_SEPARATORS = str.maketrans("", "", "_-. ")


def plain(name: str) -> str:
    """A name without what differs between a key and a field: ``unitPrice`` and ``unit_price``.

    >>> plain("unitPrice") == plain("unit_price") == plain("Unit-Price")
    True
    """
    return name.translate(_SEPARATORS).lower()


def words_in(source: str) -> Iterator[str]:
    r"""The words of Python source that may name a key; comments and docstrings do not.

    >>> source = "total = data['unit-price'] * f\"{row['count']} items\"  # or sum"
    >>> sorted(words_in(source))
    ['count', 'data', 'items', 'price', 'row', 'total', 'unit', 'unit-price']
    """
    for token in _TOKEN.finditer(source):
        kind = token.lastgroup
        if kind == "word":
            yield token["word"]
        elif kind == "long":
            text = token["long"]
            if "f" in text[:2].lower():
                yield from _WORD.findall(text)
        elif kind is not None:
            text = token[kind]
            if " " in text and "{" in text:
                yield from _WORD.findall(text)
            elif len(text) <= _LONGEST_KEY:
                yield text
                # Parts of a path to a value: "$.items[0].price".
                if not text.isidentifier() and " " not in text:
                    yield from (part for part in _WORD.findall(text) if part != text)


@lru_cache(maxsize=1024)
def words_of_file(path: str, without: tuple[int, ...] = ()) -> frozenset[str]:
    """The words of a source file, as :func:`plain` has them; empty if it cannot be read.

    :param path: the file.
    :param without: first lines of functions whose words do not count.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            source = file.read(MOST_BYTES)
    except OSError:
        return frozenset()
    if without:
        source = _cut(source.splitlines(keepends=True), without)
    return frozenset(map(plain, words_in(source)))


def _cut(lines: list[str], without: Iterable[int]) -> str:
    """The source without the functions that begin at these lines, with their decorators."""
    for first in without:
        number = first - 1
        depth = _depth(lines[number]) if number < len(lines) else 0
        has_body = False
        while number < len(lines):
            line = lines[number]
            is_inside = not line.strip() or _depth(line) > depth or line.lstrip()[0] == ")"
            if has_body and not is_inside:
                break
            lines[number], number = "\n", number + 1
            if _DEFINITION.match(line):
                has_body = True
            elif not has_body and not line.lstrip().startswith("@") and not is_inside:
                break  # A lambda.
    return "".join(lines)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


@lru_cache(maxsize=64)
def words_of_templates(folder: str) -> frozenset[str]:
    """The words in the expressions of all templates in a folder."""
    found: set[str] = set()
    for path in _files_in(folder):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read(MOST_BYTES)
        except OSError:
            continue
        for expression in _EXPRESSION.findall(text):
            found.update(map(plain, _WORD.findall(expression)))
    return frozenset(found)


def _files_in(folder: str) -> Iterable[str]:
    found = (os.path.join(at, name) for at, _, names in os.walk(folder) for name in sorted(names))
    return [path for path, _ in zip(found, range(_MOST_FILES), strict=False)]
