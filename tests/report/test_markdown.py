"""The report as Markdown."""

from __future__ import annotations

import os
from dataclasses import replace

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash, Handling, Trace
from flask_filibuster.report.document import About, document_of
from flask_filibuster.report.renderings import RENDERINGS
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Result

PAGE = ROOT.child("GET page", 1)
SITE = CallSite(os.path.abspath("shop.py"), 7, "page")


def stock(**more: object) -> Call:
    index = PAGE.child("GET stock", 1)
    fields = {"callsite": SITE, "timeout": (1.0, None), "outcome": Outcome(status=200), **more}
    return Call(index, "shop", "stock", "GET", "http://stock:5001/a|b", **fields)  # type: ignore[arg-type]


FAULTS = FaultSet((PlannedFault(stock(), Fault(status=503)),))


def trace(call: Call, crash: Crash | None = None) -> Trace:
    page = Call(PAGE, "", "shop", "GET", "http://shop:5000/", outcome=Outcome(status=200))
    return Trace.of([page, call], [Handling(PAGE, "shop", "GET", "/", Outcome(status=200), crash)])


CRASHED = trace(
    stock(outcome=Outcome(status=503), fault=Fault(status=503)), Crash("KeyError: '<b>'", SITE)
)
RESULT = Result(
    (
        Execution(1, FaultSet(), trace(stock()), "passed"),
        Execution(2, FAULTS, CRASHED, "failed", AssertionError("no *page*")),
    ),
    notes=("a note",),
)


NO_READ_TIMEOUT = (
    "shop calls GET http://stock:5001/a|b without a read timeout (connect timeout 1 s)"
)


def rendered(result: Result) -> str:
    document = document_of(
        result, About("GET /", "no page"), replays={FAULTS: "do `it`"}, outputs={2: "so long\n"}
    )
    return RENDERINGS["markdown"](document)


def test_report() -> None:
    assert (
        rendered(RESULT)
        == f"""\
## GET /: 1 bug, 1 warning

2 executions

### 1. uncaught exception

Unhandled KeyError in shop, GET /: '\\<b\\>'

at `shop.py:7, in page`

no page: AssertionError: no \\*page\\*

```text
shop -> stock: GET http://stock:5001/a|b
  called at shop.py:7, in page
  answers 503 Service Unavailable
```

Shown by 1 of 2 executions.

Replay: `` do `it` ``

Output of the command:

    so long

### Warnings

- **no read timeout**: {NO_READ_TIMEOUT}, at `shop.py:7, in page`

*Note:* a note

<details><summary>Calls and faults</summary>

| call | faults |
| --- | --- |
| shop -\\> stock GET http://stock:5001/a\\|b | answers 503 Service Unavailable |

</details>"""
    )


def test_attempts_share_a_row() -> None:
    again = replace(
        stock(outcome=Outcome(exception="Timeout"), fault=Fault("Timeout")),
        index=PAGE.child("GET stock", 2),
    )
    retried = Execution(3, FAULTS, trace(again), "passed")
    table = rendered(replace(RESULT, executions=(*RESULT.executions, retried)))
    (row,) = [line for line in table.splitlines() if line.startswith("| shop")]
    assert row.endswith("| answers 503 Service Unavailable; raises Timeout |")


def test_gaps() -> None:
    assert (
        rendered(Result())
        == """\
## GET /: nothing proved

0 executions

> **Incomplete:** Nothing was executed."""
    )
