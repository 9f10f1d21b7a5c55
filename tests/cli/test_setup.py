"""What commands set up from their options."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort

from flask_filibuster import FaultModel
from flask_filibuster.cli.setup import coordinator_of
from flask_filibuster.exploring.options import Settings


def services() -> dict[str, Flask]:
    bookings = Flask("bookings")

    @bookings.get("/")
    def index() -> str:
        abort(418)

    return {"http://bookings": bookings}


def statuses(settings: Settings) -> dict[str, Any]:
    model = coordinator_of(settings).options.faults
    assert isinstance(model, FaultModel)
    described: dict[str, Any] = model.describe()["statuses"]
    return described


def test_services_are_read_for_their_statuses() -> None:
    (listed,) = statuses(Settings(services=f"{__name__}:services")).values()
    assert list(listed) == [418, 500]


def test_fault_model_replaces_service_statuses() -> None:
    settings = Settings(services=f"{__name__}:services", slow=True)
    assert statuses(settings) == {}


def test_time_to_settle() -> None:
    assert coordinator_of(Settings(settle=0.5)).config.timeout == 0.5
    assert coordinator_of(Settings()).config.timeout == 5.0
