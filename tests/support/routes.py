"""What werkzeug compiles for a route, kept from one app to the next."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.routing import Rule

COMPILES = "_compile_builder"
"""The method of a rule that compiles, in the versions of werkzeug where it has one."""


def routes_compiled_once(patch: pytest.MonkeyPatch) -> None:
    """Let rules share the functions that build their URLs.

    The tests make thousands of apps with the same routes. Werkzeug writes, compiles and runs code
    for each, which took a tenth of the time of many tests.
    """
    compiled = getattr(Rule, COMPILES, None)
    if compiled is None:
        return
    known: dict[Any, Any] = {}

    def compile_builder(self: Any, append_unknown: bool = True) -> Any:
        if self.defaults:  # Their values are in the code.
            return compiled(self, append_unknown)
        # The trace has all that is in the code; converters are looked up in the rule.
        key = self.rule, tuple(self._trace), append_unknown
        if key not in known:
            known[key] = compiled(self, append_unknown)
        return known[key]

    patch.setattr(Rule, COMPILES, compile_builder)
