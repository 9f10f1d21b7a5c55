"""The hold on all patches of an exploration."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType

from flask_filibuster.instrumentation.patching import Held
from flask_filibuster.instrumentation.threads.holding import hold_patches


class Instrumentation:
    """Instrumented libraries and threads, until :meth:`release`; also a context manager.

    Several holds may exist at once, in any order and from any thread; a second release of the same
    hold does nothing.

    :param patches: patches of clients, already held; the hold adds those of threads.
    """

    def __init__(self, patches: Iterable[Held] = ()) -> None:
        self._lock = threading.Lock()
        self._released = False
        self._patches: list[Held] = [*patches, *hold_patches()]

    def add(self, patches: Iterable[Held]) -> None:
        """Hold more patches; release them at once if this hold has been released."""
        with self._lock:
            if not self._released:
                self._patches.extend(patches)
                return
        for patch in patches:
            patch.release()

    def release(self) -> None:
        """Restore the originals, except where other holds remain."""
        with self._lock:
            self._released = True
            patches, self._patches = self._patches, []
        for patch in patches:
            patch.release()

    def __enter__(self) -> Instrumentation:  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()
