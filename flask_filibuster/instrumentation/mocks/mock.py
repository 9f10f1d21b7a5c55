"""The mocks of mock, the backport of ``unittest.mock``."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.patching import Held
from flask_filibuster.instrumentation.standins.patchers import Patchers
from flask_filibuster.instrumentation.standins.replacements import replacements


class Backport(Mock):
    """The library mock."""

    name = "mock"

    def hold(self) -> Sequence[Held]:
        """Follow each patcher."""
        kind = import_module("mock.mock")._patch  # noqa: SLF001 - it has no other name
        return [replacements().follow(Patchers(kind))]
