"""The option table, and that every place where an option can be given is made from it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

import flask_filibuster
from flask_filibuster.cli.commands import COMMANDS
from flask_filibuster.config import Config
from flask_filibuster.errors import ConfigError, SetupError
from flask_filibuster.exploring.explore import explore
from flask_filibuster.exploring.options import SENT, Options, Settings
from flask_filibuster.nearest import suggestion
from flask_filibuster.options.documentation import mark_words, updated
from flask_filibuster.options.layers import merged
from flask_filibuster.options.option import Place
from flask_filibuster.options.table import ROWS, row, rows
from tests.support.readme import README

PACKAGE = Path(flask_filibuster.__file__).parent


def names(*places: Place) -> set[str]:
    return {each.name for each in rows(*places)}


class TestRows:
    def test_names_are_unique(self) -> None:
        assert len({each.name for each in ROWS}) == len(ROWS)

    @pytest.mark.parametrize("option", ROWS, ids=lambda each: each.name)
    def test_help_is_one_sentence(self, option: Any) -> None:
        assert option.help.endswith(".")
        assert option.help[0].isupper() or option.help.startswith("`")

    @pytest.mark.parametrize("option", ROWS, ids=lambda each: each.name)
    def test_places_are_known(self, option: Any) -> None:
        assert set(option.places) <= set(get_args(Place))

    @pytest.mark.parametrize("option", ROWS, ids=lambda each: each.name)
    def test_default_fits(self, option: Any) -> None:
        if option.default is not None:
            assert option.check(option.default) == option.default


class TestPlaces:
    def test_python_arguments(self) -> None:
        given = set(inspect.signature(explore).parameters)
        assert given == {"test", "faults", "executor", "name", "progress", *names("python")}

    def test_fields_of_options(self) -> None:
        assert set(Options.__dataclass_fields__) == {"faults", *names("python")}
        assert set(Settings.__dataclass_fields__) >= {*names("mark"), *names("pytest")}
        assert set(Settings.__dataclass_fields__) >= {*names("explore"), *names("test")}

    def test_documentation_of_arguments(self) -> None:
        for each in rows("python"):
            assert f":param {each.name}: " in (explore.__doc__ or "")

    def test_configuration_keys(self) -> None:
        assert set(Config.__dataclass_fields__) == names("config")

    def test_sent_to_a_server(self) -> None:
        assert set(SENT) == names("server")

    @pytest.mark.parametrize("place", ["explore", "test", "serve"])
    def test_command_options(self, place: Place) -> None:
        command = COMMANDS[place]
        assert names(place) <= {each.name for each in command.params}

    def test_pytest_options_and_ini_keys(self, pytestconfig: pytest.Config) -> None:
        for each in rows("pytest"):
            assert pytestconfig.getoption(each.ini_key, "missing") != "missing"
        for each in rows("pytest", "project"):
            pytestconfig.getini(each.ini_key)

    def test_line_of_the_mark(self, pytestconfig: pytest.Config) -> None:
        assert f"filibuster{mark_words()}" in pytestconfig.getini("markers")
        for each in rows("mark"):
            assert f"{each.name}=None" in mark_words()

    def test_tables_of_the_readme(self) -> None:
        text = README.read_text(encoding="utf-8")
        assert text == updated(text), "run: python -m tests.support.readme"
        for each in ROWS:
            assert f"| `{each.key if 'config' in each.places else each.name}`" in text


class TestPrecedence:
    def test_stronger_layer_wins(self) -> None:
        assert merged({"audit": 1}, {"audit": 2, "max_faults": 3}) == {"audit": 1, "max_faults": 3}

    def test_none_is_not_given(self) -> None:
        assert merged({"audit": None}, {"audit": 2}) == {"audit": 2}

    def test_false_is_given(self) -> None:
        assert merged({"exhaustive": False}, {"exhaustive": True}) == {"exhaustive": False}

    def test_fault_models_replace_each_other(self) -> None:
        assert merged({"analysis_file": "a"}, {"slow": True}) == {"analysis_file": "a"}
        assert merged({"slow": False}, {"slow": True}) == {"slow": False}

    def test_options_win_over_configuration(self) -> None:
        chosen = Options(max_faults=1).over(Config(max_faults=2, audit=3, timeout=7))
        assert (chosen.max_faults, chosen.audit, chosen.settle) == (1, 3, 7)
        assert (chosen.reduction, chosen.check_determinism) == ("equivalence", True)

    def test_slow_replaces_the_configured_analysis_file(self) -> None:
        assert Options(slow=True).over(Config(analysis_file="a.json")).analysis_file is None


class TestMistakes:
    @pytest.mark.parametrize(
        ("given", "complaint"),
        [
            pytest.param({"audit": -1}, "audit is -1; it must be a whole number from 0", id="int"),
            pytest.param({"slow": 1}, "slow is 1; it must be True or False", id="bool"),
            pytest.param({"settle": 0}, "settle is 0; it must be at least 0.001", id="seconds"),
            pytest.param({"services": "shop"}, "must be 'module:name' of a mapping", id="services"),
            pytest.param({"analysis_file": ""}, "must be the path of a file", id="path"),
            pytest.param({"reduction": "all"}, "must be 'equivalence' or 'exact'", id="choice"),
        ],
    )
    def test_wrong_value(self, given: dict[str, Any], complaint: str) -> None:
        with pytest.raises(ConfigError) as raised:
            Options(**given)
        assert complaint in str(raised.value)

    @pytest.mark.parametrize(
        ("given", "complaint"),
        [
            ({"slow": True, "analysis_file": "a"}, "slow and analysis_file both set"),
            ({"resume": True, "changed": True}, "choose one"),
            ({"resume": True, "journal": False}, "resume needs the journal"),
        ],
    )
    def test_contradiction(self, given: dict[str, Any], complaint: str) -> None:
        with pytest.raises(SetupError, match=complaint):
            Options(**given)

    def test_unknown_key_names_the_nearest(self) -> None:
        with pytest.raises(ConfigError) as raised:
            Config.read({"FILIBUSTER_TOKN": "a secret of somebody"})
        assert str(raised.value) == (
            "unknown key 'FILIBUSTER_TOKN' in the app's config; did you mean 'FILIBUSTER_TOKEN'?"
        )

    def test_unknown_key_without_a_near_one(self) -> None:
        assert suggestion("zzz", ["audit", "slow"]) == "known: audit, slow"


class TestTexts:
    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("max_faults", "2", 2),
            ("max_seconds", "2.5", 2.5),
            ("exhaustive", "True", True),
            ("exhaustive", "no", False),
            ("journal", "false", False),
            ("reduction", "exact", "exact"),
        ],
    )
    def test_value_of_a_text(self, name: str, text: str, value: object) -> None:
        assert row(name).kind.from_text(name, text) == value

    def test_text_without_a_value(self) -> None:
        with pytest.raises(ConfigError, match="max_faults is 'many'; it must be a whole number"):
            row("max_faults").kind.from_text("max_faults", "many")


HEAVY = {"requests", "urllib3", "flask_filibuster.search", "flask_filibuster.instrumentation"}


def imported_with(statement: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys; print('loaded:', *sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.rpartition("loaded:")[2].split())


class TestImports:
    def test_table_is_pure(self) -> None:
        loaded = imported_with("import flask_filibuster.options.documentation")
        assert not loaded & {*HEAVY, "flask", "werkzeug", "pytest", "click"}
