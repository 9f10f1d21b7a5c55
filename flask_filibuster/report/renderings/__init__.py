"""The renderings of a report, by name.

A rendering is one file of this folder. The file has the name of the rendering, and a function
``render`` that turns a :class:`~flask_filibuster.report.document.Document` into text. The file is
imported on use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeAlias

from flask_filibuster.report.document import Document, document_of
from flask_filibuster.results.result import Result

Rendering: TypeAlias = Callable[[Document], str]


class Renderings(Mapping[str, Rendering]):
    """The renderings by name: ``RENDERINGS["json"](document)``."""

    def __getitem__(self, name: str) -> Rendering:
        if name not in self:
            raise KeyError(name)
        rendering: Rendering = import_module(f"{__name__}.{name}").render
        return rendering

    def __contains__(self, name: object) -> bool:
        return any(name == each for each in self)

    def __iter__(self) -> Iterator[str]:
        return (module.name for module in iter_modules(__path__))

    def __len__(self) -> int:
        return sum(1 for _ in self)  # Building a list would call this method.


RENDERINGS = Renderings()


def render(result: Result, name: str = "text") -> str:
    """The report of a result, without replay commands and outputs.

    :param result: the result.
    :param name: of the rendering.
    :raises KeyError: there is no rendering of that name.
    """
    return RENDERINGS[name](document_of(result))
