"""What is recorded of an exploration on disk, and what of that is recalled instead of run again."""

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
    """Whether and where executions are recorded, and which need not be run again.

    :ivar journal: path of the journal, or the journal, which stays open; ``None``: nothing is
        recorded.
    :ivar name: what the exploration is called there; by default, the subject's own name.
    :ivar resume: whether to continue the last exploration of that name.
    :ivar changed: whether to run only executions whose source files have changed.
    """

    journal: str | os.PathLike[str] | Journal | None = None
    name: str | None = None
    resume: bool = False
    changed: bool = False

    @contextmanager
    def recorder(self, subject: Subject) -> Iterator[Recorder | None]:
        """The recorded executions of a subject, for the time of the block.

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
    """Have the journal know whether the exploration in the block came to its end."""
    try:
        yield
    except BaseException:
        run.finish("interrupted")
        raise
    run.finish("complete")


def unwritable(journal: str | os.PathLike[str]) -> str | None:
    """Why no journal can be made there, in words; ``None`` if there is one, or can be."""
    if os.path.lexists(journal):
        return None
    try:
        with Journal(journal):
            return None
    except JournalError as error:
        return str(error)
