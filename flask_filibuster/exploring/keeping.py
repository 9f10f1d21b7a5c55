"""What is kept of an exploration on disk, and what of that is taken instead of running it again."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask_filibuster.errors import JournalError, SetupError
from flask_filibuster.exploring.session import Surroundings
from flask_filibuster.journal.journal import Journal, JournalRun
from flask_filibuster.journal.memory import Memory
from flask_filibuster.report.text import error_line
from flask_filibuster.sources.dependencies import SourceFiles

OURS = "flask_filibuster."


@dataclass(frozen=True, slots=True)
class Keeping:
    """Whether and where executions are kept, and which need not be run again.

    :ivar journal: path of the journal; ``None``: nothing is kept.
    :ivar name: what the exploration is called there; by default, the test's own name.
    :ivar resume: whether to go on where the last exploration of that name stopped.
    :ivar changed: whether to run only what the source files behind it have changed for.
    """

    journal: str | os.PathLike[str] | None = None
    name: str | None = None
    resume: bool = False
    changed: bool = False

    @contextmanager
    def run(self, test: object = None) -> Iterator[JournalRun | None]:
        """The exploration's part of the journal, for the time of the block.

        :param test: what it is called after, where it has no name.
        :raises JournalError: the journal cannot be used.
        :raises SetupError: it has to be found again, and has no name of its own.
        """
        if self.journal is None:
            yield None
            return
        name = self.name or _name_of(test, needed=self.resume or self.changed)
        with Journal(self.journal) as journal:
            run = journal.begin(name, resume=self.resume, changed=self.changed)
            with finishing(run):
                yield run

    @contextmanager
    def memory(self, test: object, around: Surroundings) -> Iterator[Memory | None]:
        """The memory of an exploration in this process, for the time of the block.

        :param test: the functional test; one of this package has no code that could change.
        :param around: its services.
        :raises JournalError: the journal cannot be used.
        """
        with self.run(test) as run:
            if run is None:
                yield None
                return
            sources = SourceFiles(around.by_name)
            sources.read(test)
            yield Memory(run, sources=lambda trace: sources.of(trace, test), error_line=error_line)


@contextmanager
def finishing(run: JournalRun) -> Iterator[None]:
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


def _name_of(test: object, *, needed: bool) -> str:
    """The name of a test; where it is ``needed``, one that no other test has."""
    module, name = getattr(test, "__module__", None), getattr(test, "__qualname__", None)
    if needed and not (inspect.isfunction(test) and name and "<" not in name):
        raise SetupError(
            f"{test!r} has no name by which it could be told from other tests in the journal; "
            "give it one: explore(…, name=…)"
        )
    return f"{module or type(test).__module__}.{name or type(test).__qualname__}"
