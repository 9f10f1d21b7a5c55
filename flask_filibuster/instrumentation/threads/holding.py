"""All patches that make scopes go with tasks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

from flask_filibuster.instrumentation.clock import travelling
from flask_filibuster.instrumentation.patching import Held
from flask_filibuster.instrumentation.threads import (
    greenlets,
    loops,
    pools,
    queues,
    scheduling,
    starting,
    tasks,
)

LIBRARIES: Mapping[str, Callable[[], list[Held]]] = MappingProxyType(
    {
        "anyio.to_thread": tasks.hold_anyio,
        "apscheduler.schedulers.base": scheduling.hold_apscheduler,
        "eventlet.greenthread": greenlets.hold_eventlet,
        "eventlet.tpool": greenlets.hold_eventlet_threads,
        "freezegun.api": travelling.hold_freezegun,
        "gevent.greenlet": greenlets.hold_gevent,
        "gevent.threadpool": greenlets.hold_gevent_threads,
        "greenlet": greenlets.hold_raw,
        "multiprocessing.pool": pools.hold_multiprocessing,
        "time_machine": travelling.hold_time_machine,
        "trio.to_thread": tasks.hold_trio,
        "uvloop": tasks.hold_uvloop,
    }
)
"""What holds the patches of a module that few applications import, by its name."""


def hold_patches() -> list[Held]:
    """Make threads, pools, queues, tasks and greenlets inherit scopes until the release.

    Of :data:`LIBRARIES`, only the modules that have been imported are patched.
    """
    imported = [hold for name, hold in LIBRARIES.items() if name in sys.modules]
    held: list[Held] = []
    for hold in (
        starting.hold_patches,
        pools.hold_patches,
        tasks.hold_patches,
        loops.hold_patches,
        queues.hold_patches,
        *imported,
    ):
        held.extend(hold())
    return held
