"""What a command line adds to the services of an app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask_filibuster.mesh.network import ELSEWHERE
from flask_filibuster.mesh.recordings import Recordings
from flask_filibuster.mesh.stub import stub_of_file


@dataclass(frozen=True, slots=True)
class Added:
    """What a command line adds to the services.

    :ivar stubs: base URLs and files of canned answers.
    :ivar record: whether hosts on other machines are asked once.
    """

    stubs: tuple[tuple[str, str], ...] = ()
    record: bool = False

    def services(self) -> dict[str, Any]:
        """The services by base URL.

        :raises SetupError: a file cannot be read.
        """
        added: dict[str, Any] = {url: stub_of_file(file) for url, file in self.stubs}
        if self.record:
            added[ELSEWHERE] = Recordings()
        return added

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Added:
        """Read the fields of one, as plain data.

        :raises KeyError, TypeError, ValueError: the data is invalid.
        """
        stubs = tuple((str(url), str(file)) for url, file in content["stubs"])
        return cls(stubs, content["record"] is True)


NOTHING_ADDED: Final = Added()
