"""The journal of marked tests: opened once in a session, with the reports of what failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from flask_filibuster.config import Config
from flask_filibuster.errors import FilibusterWarning
from flask_filibuster.exploring.recording import Recording, unwritable
from flask_filibuster.exploring.subjects.base import Subject
from flask_filibuster.journal.journal import Journal
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.options.table import JOURNAL
from flask_filibuster.pytest_plugin.options import layers
from flask_filibuster.pytest_plugin.state import JOURNALS

Reports = list[pytest.TestReport]


class Journals:
    """The journals of a session, by path."""

    def __init__(self) -> None:
        self._open: dict[Path, Journal] = {}

    def at(self, path: Path) -> Journal:
        """The journal of that file, opened if it is not yet.

        :raises JournalError: it cannot be.
        """
        journal = self._open.get(path)
        if journal is None:
            journal = self._open[path] = Journal(path)
        return journal

    def close(self) -> None:
        """Close all of them."""
        while self._open:
            self._open.popitem()[1].close()


def recorder_of(
    item: Any, config: Config, subject: Subject
) -> AbstractContextManager[Recorder | None]:
    """What is recorded of the exploration of a marked test, for the time of the block.

    :param item: the test.
    :param config: the settings of its services.
    :param subject: the test, as what is explored.
    :raises JournalError: the journal cannot be used.
    """
    asked = item.config.getoption
    recording = Recording(
        _journal(item, config),
        resume=bool(asked("filibuster_resume")),
        changed=bool(asked("filibuster_changed")),
    )
    return recording.recorder(subject)


def _journal(item: Any, config: Config) -> Journal | None:
    asked = item.config.getoption
    given = layers(item.config, {}).get("journal")
    place = config.journal if given is None else given
    if not isinstance(place, str):
        return None
    # What is given is meant from where it is given.
    path = Path(item.config.rootpath, place)
    if place == JOURNAL and not (asked("filibuster_resume") or asked("filibuster_changed")):
        # A place that nobody has asked for, in a directory where nothing can be written.
        problem = unwritable(path)
        if problem is not None:
            item.warn(FilibusterWarning(f"no execution is kept: {problem}"))
            return None
    journals: Journals = item.config.stash.setdefault(JOURNALS, Journals())
    return journals.at(path)


def conftests(item: Any) -> list[str]:
    """The conftest.py files that a test's fixtures may come from."""
    root, directory = item.config.rootpath, item.path.parent
    places = [directory, *directory.parents]
    if root in places:
        places = places[: places.index(root) + 1]
    return [str(place / "conftest.py") for place in places if (place / "conftest.py").is_file()]


def written(config: pytest.Config, reports: Reports, *, skipped: bool) -> str:
    """What is kept with an execution, as text.

    :param reports: its reports, if they may have to be shown.
    :param skipped: whether the test has skipped it.
    """
    serialised = [
        config.hook.pytest_report_to_serializable(config=config, report=report)
        for report in reports
    ]
    return json.dumps({"reports": serialised, "skipped": skipped})


def read(config: pytest.Config, text: str) -> tuple[Reports, bool]:
    """What :func:`written` has written: the reports, and whether the test has skipped."""
    kept = json.loads(text)
    deserialise: Callable[..., Any] = config.hook.pytest_report_from_serializable
    reports = [deserialise(config=config, data=data) for data in kept["reports"]]
    return reports, bool(kept["skipped"])
