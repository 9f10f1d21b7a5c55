"""What the tests of one session share, so that each test costs little."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import Any

import pytest

from flask_filibuster.exploring.options import Settings
from flask_filibuster.exploring.session import Session, Surroundings, surroundings
from flask_filibuster.pytest_plugin.fixtures import definitions_of
from flask_filibuster.pytest_plugin.options import layers, named_services


class Shared:
    """The patches, the options and the sessions of all tests.

    :param config: pytest's.
    :param began: when pytest's session began, by ``time.monotonic()``.
    :ivar handed_over: notes the functions that tests hand to other processes.
    """

    def __init__(self, config: pytest.Config, began: float) -> None:
        self._config = config
        self._began = began
        self._endless: set[str] = set()
        self._held = ExitStack()
        # Not once for each test: taking patches on and off takes longer than most tests.
        self.handed_over = self._held.enter_context(surroundings({})).handed_over

    def close(self) -> None:
        """Take the patches off."""
        self._held.close()

    @cached_property
    def settings(self) -> Settings:
        """The options of a test without a mark."""
        return Settings(**layers(self._config, {}))

    def session(self, around: Surroundings) -> Session:
        """What observes the executions of a test; each endless thread is waited for only once."""
        timeout = self.settings.settle or around.config.timeout
        # The first execution is made before it is known which faults are planned.
        return Session(
            timeout=timeout,
            endless=self._endless,
            describes=True,
            is_virtual=self.settings.virtual_time is not False,
        )

    @property
    def seconds_left(self) -> float | None:
        """The rest of the session's time limit; ``None``: there is no limit."""
        limit = self.settings.session_seconds
        return None if limit is None else limit - (time.monotonic() - self._began)

    @cached_property
    def _named_services(self) -> Mapping[str, Any]:
        return named_services(self._config)

    def services_of(self, item: pytest.Item) -> Mapping[str, Any] | None:
        """The services that options name; ``None``: a fixture of the suite returns them."""
        found = definitions_of(item, "filibuster_services")
        own = not found or found[-1].func.__module__ == "flask_filibuster.pytest_plugin.plugin"
        return self._named_services if own else None
