"""The patchers of ``unittest.mock`` and of its backport.

Context managers, decorators of functions and classes, ``start`` and ``stop``, and the fixture
``mocker`` of pytest-mock all go through the same two methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.standins.replacements import Replaced, Way, replacements


class Patchers(Way):
    """What ``patch()`` and its relatives return.

    :param kind: their class.
    """

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def hold(self) -> Sequence[Patch]:
        """Patch the two methods."""
        return [
            Patch.hold(self.kind, "__enter__", self._enter),
            Patch.hold(self.kind, "__exit__", self._exit),
        ]

    def replaced(self, maker: Any) -> Iterator[Replaced]:
        """The one attribute, if it is replaced just now."""
        if hasattr(maker, "temp_original"):
            yield maker, maker.target, maker.attribute, maker.temp_original

    def _enter(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def enter(patcher: Any) -> Any:
            result = original(patcher)
            if patch.active:
                for replaced in self.replaced(patcher):
                    replacements().put(*replaced)
            return result

        return enter

    def _exit(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def leave(patcher: Any, *error: Any) -> Any:
            if not patch.active:
                return original(patcher, *error)
            with replacements().lifted(patcher):
                return original(patcher, *error)

        return leave
