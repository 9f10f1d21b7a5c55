"""The journals of marked tests, opened once per session, with the reports of failed executions."""

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
        """The journal in a file, opened on first use.

        :raises JournalError: it cannot be opened.
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
    """The recorder of the exploration of a marked test, within the block; ``None``: none.

    :param item: the test.
    :param config: the settings of its services.
    :param subject: the same as a subject.
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
    # Relative to the rootdir.
    path = Path(item.config.rootpath, place)
    if place == JOURNAL and not (asked("filibuster_resume") or asked("filibuster_changed")):
        # The default place may be read-only: a warning suffices.
        problem = unwritable(path)
        if problem is not None:
            item.warn(FilibusterWarning(f"executions are not recorded: {problem}"))
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
    """The reports of an execution, as text for the journal.

    :param reports: its reports, if they may be shown later.
    :param skipped: whether the test skipped it.
    """
    serialised = [
        config.hook.pytest_report_to_serializable(config=config, report=report)
        for report in reports
    ]
    return json.dumps({"reports": serialised, "skipped": skipped})


def read(config: pytest.Config, text: str) -> tuple[Reports, bool]:
    """Read a text of :func:`written`: the reports, and whether the test skipped the execution."""
    kept = json.loads(text)
    deserialise: Callable[..., Any] = config.hook.pytest_report_from_serializable
    reports = [deserialise(config=config, data=data) for data in kept["reports"]]
    return reports, bool(kept["skipped"])
