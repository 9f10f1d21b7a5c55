"""The mocks of ``unittest.mock``: an attribute is replaced, mostly by a mock object."""

from __future__ import annotations

from collections.abc import Sequence
from unittest import mock

from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.patching import Held
from flask_filibuster.instrumentation.standins.patchers import Patchers
from flask_filibuster.instrumentation.standins.replacements import replacements


class UnittestMock(Mock):
    """The library unittest.mock."""

    name = "unittest.mock"

    def hold(self) -> Sequence[Held]:
        """Follow each patcher."""
        return [replacements().follow(Patchers(mock._patch))]  # noqa: SLF001 - it has no other name
