"""Jobs of APScheduler: the first run of a job carries the scope of the code that adds it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask_filibuster.instrumentation.frames import current_scope
from flask_filibuster.instrumentation.patching import Held, Patch
from flask_filibuster.instrumentation.threads.carried import Carried, name_of

# An execution waits for jobs that are due so soon.
_SOON = timedelta(seconds=1)


def hold_apscheduler() -> list[Held]:
    """Make jobs carry scopes."""
    base: Any = sys.modules["apscheduler.schedulers.base"]
    executors: Any = sys.modules["apscheduler.executors.base"]
    anchor = Patch.hold(base.BaseScheduler, "_real_add_job", _Jobs().add)
    # All patches that are held at the same time share the jobs.
    jobs: _Jobs = anchor.wrap.__self__  # type: ignore[attr-defined]
    return [anchor, Patch.hold(executors.BaseExecutor, "submit_job", jobs.submit)]


class _Jobs:
    """The jobs that have not run yet, by their ids."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._carried: dict[str, Carried] = {}

    def add(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        """The replacement of the method by which a scheduler that runs takes a job."""

        def _real_add_job(scheduler: Any, job: Any, *args: Any, **kwargs: Any) -> Any:
            if current_scope() is None or not patch.active:
                return original(scheduler, job, *args, **kwargs)
            carried = Carried(name_of(job.func))
            now = datetime.now(scheduler.timezone)
            due = getattr(job, "next_run_time", None) or job.trigger.get_next_fire_time(None, now)
            if due is not None and due - now <= _SOON:
                carried.announce()
            with self._lock:  # Before it is added: it may run at once.
                self._carried[job.id] = carried
            try:
                return original(scheduler, job, *args, **kwargs)
            except BaseException:
                self._take(job.id)
                raise

        return _real_add_job

    def submit(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        """The replacement of the method that hands a job to a pool."""

        def submit_job(executor: Any, job: Any, run_times: Any) -> Any:
            carried = self._take(job.id)
            if carried is None or not patch.active:
                return original(executor, job, run_times)
            return carried.call(original, executor, job, run_times)

        return submit_job

    def _take(self, job: str) -> Carried | None:
        with self._lock:
            return self._carried.pop(job, None)
