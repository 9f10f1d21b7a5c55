"""The network of an explored test, whose services are fixtures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_filibuster.exploring.session import Surroundings
from flask_filibuster.instrumentation.around import LocalService
from flask_filibuster.mesh.network import Mesh
from flask_filibuster.pytest_plugin.fixtures import definitions_of
from flask_filibuster.pytest_plugin.state import SETTING_UP

SERVICES = "filibuster_services"


class Network:
    """The network around one execution, joined at the end of set-up.

    Its services are fixtures. Joined late, it keeps pytest's order of fixtures. Fixtures that make
    requests reach the services before, but for those that the services themselves need.

    :param join: returns the services' surroundings.
    :param services: returns the services; ``None``: their fixture is being set up.
    """

    def __init__(
        self, join: Callable[[], Surroundings], services: Callable[[], Mapping[str, Any] | None]
    ) -> None:
        self._join = join
        self._services = services
        self._joined: Surroundings | None = None
        self._before: Mesh | None = None
        self._asking = False

    def joined(self) -> Surroundings:
        """The services' surroundings."""
        if self._joined is None:
            self._asking = True
            try:
                self._joined = self._join()
            finally:
                self._asking = False
        return self._joined

    def service_at(self, url: str) -> LocalService | None:
        """The service under this URL, or ``None``: the real network."""
        mesh = self._before if self._joined is None else self._joined.mesh
        if mesh is None:
            mesh = self._mesh_so_far()
        return None if mesh is None else mesh.service_at(url)

    def _mesh_so_far(self) -> Mesh | None:
        if self._asking:
            return None
        self._asking = True
        try:
            services = self._services()
        finally:
            self._asking = False
        if services is not None:
            self._before = Mesh(services)
        return self._before


def can_be_had(item: Any, fixture: str) -> bool:
    """Whether a fixture can be set up now: none that it needs is being set up.

    :param item: the test that would use it.
    :param fixture: its name.
    """
    under_way = item.config.stash.get(SETTING_UP, ())
    return not under_way or _needed(item, fixture).isdisjoint(under_way)


def _needed(item: Any, fixture: str) -> set[str]:
    needed: set[str] = set()
    waiting = [fixture]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            found = definitions_of(item, name)
            waiting += found[-1].argnames if found else ()
    return needed
