"""The mocks of pytest: the fixture ``monkeypatch`` replaces an attribute, mostly by a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.patching import Held, Patch
from flask_filibuster.instrumentation.standins.originals import original_of
from flask_filibuster.instrumentation.standins.replacements import Replaced, Way, replacements


class Pytest(Mock):
    """The library pytest."""

    name = "pytest"

    def hold(self) -> Sequence[Held]:
        """Follow each ``monkeypatch``."""
        return [replacements().follow(_MonkeyPatches())]


class _MonkeyPatches(Way):
    kind = pytest.MonkeyPatch

    def hold(self) -> Sequence[Patch]:
        return [
            Patch.hold(pytest.MonkeyPatch, "setattr", self._setattr),
            Patch.hold(pytest.MonkeyPatch, "undo", self._undo),
        ]

    def replaced(self, maker: Any) -> Iterator[Replaced]:
        for owner, name, kept in maker._setattr:  # noqa: SLF001 - where else?
            yield maker, owner, name, original_of(owner, name, kept)

    def _setattr(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def set_attribute(monkeypatch: Any, *args: Any, **options: Any) -> None:
            __tracebackhide__ = True
            original(monkeypatch, *args, **options)
            if patch.active:
                *_, last = self.replaced(monkeypatch)
                replacements().put(*last)

        return set_attribute

    def _undo(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def undo(monkeypatch: Any) -> None:
            if not patch.active:
                original(monkeypatch)
                return
            with replacements().lifted(monkeypatch):
                original(monkeypatch)

        return undo
