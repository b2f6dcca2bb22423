"""`config.toml`: what may stand in it, and the one line that says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.config import Config, ConfigError
from opsagent.home import Home, HomeError
from opsagent.naming import Descriptions
from opsagent.policy import Policy
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.spec import Health, ServiceSpec
from opsagent_tools.units import UnitId


def _load(home: Path, text: str) -> Config:
    place = Home.open(home)
    place.config_file.write_text(text)
    place.config_file.chmod(0o600)
    return Config.load(place)


def test_without_a_file_the_defaults_hold(home: Path) -> None:
    assert Config.load(Home.open(home)) == Config(policy=Policy(), services=())


def test_everything_that_can_be_said(home: Path) -> None:
    config = _load(
        home,
        """
        mode = { safe = "auto", disruptive = "approve" }
        [policy]
        budget_actions = 2
        budget_window_s = 60
        global_budget_actions = 9
        breaker_failures = 1
        breaker_window_s = 30.5
        engine_mode = "observe"
        [services.api]
        port = 8000
        mode = "observe"
        depends_on = ["somebody-elses"]
        """,
    )
    assert config.policy == Policy(
        mode={"safe": "auto", "disruptive": "approve"},
        budget_actions=2,
        budget_window_s=60.0,
        global_budget_actions=9,
        breaker_failures=1,
        breaker_window_s=30.5,
        engine_mode="observe",
    )
    assert [(spec.name, spec.port, spec.mode, spec.cwd) for spec in config.services] == [
        ("api", 8000, "observe", home.resolve())
    ]


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("mod = 'auto'", "mod (line 1)", "did you mean mode?"),
        ("mode = 'wild'", "mode (line 1)", "is no mode; use observe, suggest, approve, auto"),
        ("\nmode = { risky = 'auto' }", "mode.risky (line 2)", "use safe, disruptive, destructive"),
        ("[policy]\nbudget_action = 1", "policy.budget_action (line 2)", "did you mean budget_actions?"),
        ("[policy]\nbudget_actions = '1'", "policy.budget_actions (line 2)", "is a string, must be an integer"),
        ("[policy]\nbudget_actions = true", "policy.budget_actions (line 2)", "is a boolean, must be an integer"),
        ("[policy]\nbreaker_failures = 0", "policy.breaker_failures (line 2)", "must be from 1"),
        ("[policy]\nbudget_window_s = -1", "policy.budget_window_s (line 2)", "must be above 0 seconds"),
        ("[policy]\nengine_mode = {safe='auto'}", "policy.engine_mode (line 2)", "is a table, must be one mode"),
        ("policy = 3", "policy (line 1)", "must be a table"),
        ("services = 3", "services (line 1)", "must be a table"),
        ("mode = = 1", "line 1", "broken TOML"),
        ("[services.api]\nprot = 1", "services.api.prot (line 2)", "did you mean port?"),
    ],
)
def test_errors_name_file_place_and_mend_in_one_line(home: Path, text: str, place: str, problem: str) -> None:
    with pytest.raises(ServicesFileError) as wrong:
        _load(home, text)
    said = str(wrong.value)
    assert said.startswith(f"{home / 'config.toml'}: ")
    assert place in said
    assert problem in said
    assert "\n" not in said
    assert isinstance(wrong.value, ConfigError) or "services" in place or "line 1" in place


def test_a_configuration_that_others_may_write_is_refused(home: Path) -> None:
    place = Home.open(home)
    place.config_file.write_text("mode = 'auto'")
    place.config_file.chmod(0o666)
    with pytest.raises(HomeError, match="chmod go-w"):
        Config.load(place)


def test_what_it_says_of_a_service_that_was_applied_counts(home: Path) -> None:
    config = _load(
        home,
        """
        [services.api]
        mode = "observe"
        protected = true
        health = { tcp = "127.0.0.1:8000" }
        [services.db]
        port = 5432
        [services.web]
        port = 8001
        """,
    )
    api = ServiceSpec(name="api", command=("api",), cwd=home, port=8000, mode="auto", depends_on=("db",))
    web = ServiceSpec(name="web", command=("web",), cwd=home, port=8002, mode="auto", protected=True)
    other = ServiceSpec(name="other", command=("other",), cwd=home)

    known = config.described([api, web, other])
    assert Descriptions(known, [UnitId.local("circus", "web")]).of_nobody() == (
        "api",
        "db",
        "circus:api",
        "circus:other",
    )

    assert (known["circus:api"].mode, known["circus:api"].protected) == ("observe", True)
    assert known["circus:api"].health == Health(tcp="127.0.0.1:8000")
    assert (known["circus:api"].command, known["circus:api"].depends_on) == (("api",), ("db",))
    assert (known["circus:web"].mode, known["circus:web"].protected, known["circus:web"].port) == ("auto", True, 8002)
    assert known["circus:other"] == other
    assert set(known) == {"circus:api", "circus:web", "circus:other", "api", "db", "web"}


@pytest.mark.parametrize("supervisor", ["circus", "pm2"])
def test_what_protects_protects_under_either_name(home: Path, supervisor: str) -> None:
    config = _load(home, f'[services.web]\nprotected = true\n[services."{supervisor}:web"]\nmode = "auto"\n')
    web, applied = UnitId.local(supervisor, "web"), ServiceSpec(name="web", command=("web",), cwd=home)
    found = Descriptions(config.described([applied] if supervisor == "circus" else []), [web]).of(web)
    assert found is not None
    assert (found.mode, found.protected) == ("auto", True)
