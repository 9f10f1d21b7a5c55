"""The fixtures that a test can use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

_BY_NODE = pytest.version_tuple >= (8, 1)


def definitions_of(item: Any, fixture: str) -> Sequence[Any]:
    """The definitions of a fixture that a test sees; the last is the one that it gets.

    :param item: the test.
    :param fixture: name of the fixture.
    """
    manager = item.session._fixturemanager
    found = manager.getfixturedefs(fixture, item if _BY_NODE else item.nodeid)
    return found or ()
