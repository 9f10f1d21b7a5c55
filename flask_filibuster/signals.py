"""Signals that Flask-Filibuster sends during an exploration.

The sender is the Flask app whose code makes the call or handles the request. Receivers run inside
the application's request; their exceptions reach the application.
"""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

invocation_started = _signals.signal("filibuster-invocation-started")
"""A service is about to make a call. ``frame``: the :class:`Frame`; ``invocation``: the
:class:`InvocationStarted` message with its index, URL and call site."""

fault_injected = _signals.signal("filibuster-fault-injected")
"""A call is about to fail. ``frame``; ``invocation``; ``fault``: the :class:`Fault`."""

invocation_completed = _signals.signal("filibuster-invocation-completed")
"""A call has ended. ``frame``; ``invocation``; ``outcome``: the :class:`Outcome` seen by the
caller; ``fault``: the :class:`Fault` injected, or ``None``."""

request_received = _signals.signal("filibuster-request-received")
"""A service begins to handle a request. ``frame``: its new :class:`Frame`."""

report_failed = _signals.signal("filibuster-report-failed")
"""A report did not reach the server, so a planned fault may not happen. ``frame``; ``message``:
the report; ``error``: the exception."""
