"""The journal of an exploration: which executions it records, and which it recalls."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from flask_filibuster.errors import JournalError
from flask_filibuster.exploring.subjects.base import Subject
from flask_filibuster.journal.journal import Journal, JournalRun
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.report.text import error_line


@dataclass(frozen=True, slots=True)
class Recording:
    """Whether and where to record executions, and which to recall instead of running them.

    :ivar journal: path of the journal, or the journal, which stays open; ``None``: no journal.
    :ivar name: name of the exploration there; by default, the subject's own name.
    :ivar resume: whether to continue the last exploration of that name.
    :ivar changed: whether to run only executions whose source files have changed.
    """

    journal: str | os.PathLike[str] | Journal | None = None
    name: str | None = None
    resume: bool = False
    changed: bool = False

    @contextmanager
    def recorder(self, subject: Subject) -> Iterator[Recorder | None]:
        """The recorder of a subject's executions, while the block runs.

        :param subject: the subject, with its services ready.
        :raises JournalError: the journal cannot be used.
        :raises SetupError: executions of it cannot be found again.
        """
        if self.journal is None:
            yield None
            return
        name = self.name or subject.identity(unique=self.resume or self.changed)
        sources = subject.sources(needed=self.changed)
        with self._opened() as journal:
            run = journal.begin(name, resume=self.resume, changed=self.changed)
            with _finishing(run):
                yield Recorder(run, sources=sources, error_line=error_line)

    def _opened(self) -> AbstractContextManager[Journal]:
        if isinstance(self.journal, Journal):
            return nullcontext(self.journal)
        return Journal(self.journal or "")


@contextmanager
def _finishing(run: JournalRun) -> Iterator[None]:
    """Record whether the exploration in the block is complete or interrupted."""
    try:
        yield
    except BaseException:
        run.finish("interrupted")
        raise
    run.finish("complete")


def unwritable(journal: str | os.PathLike[str]) -> str | None:
    """Why no journal can be created at a path; ``None`` if one exists or can be created."""
    if os.path.lexists(journal):
        return None
    try:
        with Journal(journal):
            return None
    except JournalError as error:
        return str(error)
