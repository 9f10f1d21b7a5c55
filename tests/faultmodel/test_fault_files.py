"""Files that list faults, and profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_filibuster import Fault, FaultModel
from flask_filibuster.errors import FaultModelError
from tests.support.pages import call, leaf

pytest.importorskip("tomllib" if __import__("sys").version_info >= (3, 11) else "tomli")

FILE = """
[[calls]]
faults = ["Timeout", 429, "body cut short", { kind = "answered", status = 503, abort = false }]

[[calls]]
service = "movies"
method = "GET"
instead = true
faults = [{ kind = "body cut short", at = 0.25 }]
"""


def write(directory: Path, text: str) -> Path:
    file = directory / "faults.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_lists_the_faults_of_calls(tmp_path: Path) -> None:
    model = FaultModel.from_file(write(tmp_path, FILE))
    assert model.faults_of(call()) == (
        Fault("Timeout"),
        Fault(status=429),
        Fault(status=503, abort=False),
        Fault.of("body cut short"),
    )
    assert model.faults_of(call("movies")) == (Fault.of("body cut short", at=0.25),)


def test_adds_to_a_profile(tmp_path: Path) -> None:
    text = 'profile = "quick"\n[[calls]]\nfaults = [418]'
    services = {"http://bookings:5003": leaf("bookings")}
    model = FaultModel.from_file(write(tmp_path, text), services)
    quick = FaultModel.quick(services).faults_of(call())
    assert model.faults_of(call()) == (*quick, Fault(status=418))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names neither a profile nor calls"),
        ("profile =", "cannot read the fault file"),
        ('profile = "standart"', "no such profile: 'standart'; did you mean 'standard'"),
        ("[[call]]", "has no key 'call'; did you mean 'calls'"),
        ("[calls]", r"write \[\[calls\]\] above each"),
        ("[[calls]]\nfaults = 503", "it must be a list, even for one value"),
        ("[[calls]]\nservce = 'a'", "did you mean 'service'"),
        ("[[calls]]\nfaults = ['Timeuot']", "'Timeuot' is not an exception"),
        ("[[calls]]\nfaults = [{ status = 503 }]", "needs the name of a kind"),
        ("[[calls]]\nfaults = [{ kind = 'answerd' }]", "did you mean 'answered'"),
        (
            "[[calls]]\nfaults = [{ kind = 'answered', status = 503, abort = 'no' }]",
            "abort is 'no'; it must be true or false",
        ),
        ("[[calls]]\nservice = 'a'", "no fault is named for calls: service a"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(FaultModelError, match=told) as refused:
        FaultModel.from_file(write(tmp_path, text))
    assert "faults.toml" in str(refused.value)


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(FaultModelError, match="cannot read the fault file"):
        FaultModel.from_file(tmp_path / "none.toml")
    with pytest.raises(FaultModelError, match="cannot read the fault file"):
        FaultModel.from_file(tmp_path)


def test_profiles_grow() -> None:
    """The next one has all faults of the one before, or finer ones."""
    kinds = [
        {each.kind.name for each in model.faults_of(call(method="POST"))}
        for model in (FaultModel.quick(), FaultModel.standard(), FaultModel.thorough())
    ]
    assert kinds[0] < kinds[1] <= kinds[2]


def test_only_writes_lose_their_answers() -> None:
    lost = [
        [each for each in FaultModel.standard().faults_of(call(method=method)) if not each.abort]
        for method in ("GET", "POST")
    ]
    assert Fault("Timeout", abort=False) not in lost[0]
    assert Fault("Timeout", abort=False) in lost[1]
