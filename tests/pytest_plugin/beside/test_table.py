"""The documentation's table of plugins: each row says what comes of its example."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import seen
from tests.support.cases import sample
from tests.support.forms import Form
from tests.support.forms.plugins import PLUGINS, Example
from tests.support.sessions import arguments_of, explored, files_of, verdict
from tests.support.suites import Suite

ROWS = seen.rows_in(seen.PAGE.read_text(encoding="utf-8"))["plugin"]


@pytest.mark.slow
@pytest.mark.parametrize("form", sample(PLUGINS.every), ids=str)
def test_row_says_what_comes_of_it(
    form: Form[Callable[[], Example]],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not form.is_possible:
        pytest.skip(f"needs {form.needs}")
    example = form.make()
    if form.name == "cov":  # A part of coverage can't be imported again, and is forgotten here.
        said = explored(example)
    else:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        said = explored_here(example, Suite(pytester))
    assert said == ROWS[form.words], seen.AGAIN


def explored_here(example: Example, suite: Suite) -> str:
    for name, source in files_of(example).items():
        (suite.path / name).write_text(source, encoding="utf-8")
    suite.again(*arguments_of(example))
    return verdict(suite.path)
