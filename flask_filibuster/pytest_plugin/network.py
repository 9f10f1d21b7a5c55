"""The network of a marked test, whose services are fixtures."""

from __future__ import annotations

from collections.abc import Callable

from flask_filibuster.exploring.session import Surroundings
from flask_filibuster.instrumentation.around import LocalService


class Network:
    """The network around one execution, joined on first use.

    Its services are fixtures. Joined late, it keeps pytest's order of fixtures, and each fixture
    can make requests.

    :param join: returns the services' surroundings.
    """

    def __init__(self, join: Callable[[], Surroundings]) -> None:
        self._join = join
        self._joined: Surroundings | None = None
        self._joining = False

    def joined(self) -> Surroundings:
        """The services' surroundings."""
        if self._joined is None:
            self._joining = True
            try:
                self._joined = self._join()
            finally:
                self._joining = False
        return self._joined

    def service_at(self, url: str) -> LocalService | None:
        """The service under this URL, or ``None``: the real network."""
        return None if self._joining else self.joined().mesh.service_at(url)
