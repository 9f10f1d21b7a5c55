"""The hold on everything that is patched for the time of an exploration."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType

from flask_filibuster.instrumentation import threads
from flask_filibuster.instrumentation.patching import Patch


class Instrumentation:
    """Instrumented libraries and threads, until :meth:`release`; also a context manager.

    Several may be held at once, in any order and from any thread; each is released once, further
    releases do nothing.

    :param patches: patches that are held already, of clients; those of threads come with them.
    """

    def __init__(self, patches: Iterable[Patch] = ()) -> None:
        self._lock = threading.Lock()
        self._released = False
        self._patches = [*patches, *threads.hold_patches()]

    def add(self, patches: Iterable[Patch]) -> None:
        """Hold more patches, which are given up at once where the hold has been released."""
        with self._lock:
            if not self._released:
                self._patches.extend(patches)
                return
        for patch in patches:
            patch.release()

    def release(self) -> None:
        """Put everything back as it was, but for what somebody else still holds."""
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
