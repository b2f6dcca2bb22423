"""What `init` writes can be read, whatever services are called, and says what a person answered."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsagent.config import Config, parse
from opsagent.first_config import MODES, Answers, FoundService, render


def read(text: str, folder: Path) -> Config:
    file = folder / "config.toml"
    file.write_text(text)
    return parse(file)


def test_the_answers_are_in_it(tmp_path: Path) -> None:
    services = [
        FoundService(name="api", supervisor="pm2", ports=(8000, 9229)),
        FoundService(name="pm2:store", supervisor="pm2"),
    ]
    answers = Answers(
        mode="approve",
        leave_alone=("systemd",),
        protected=frozenset({"pm2:store"}),
        health={"api": "http://127.0.0.1:8000/health"},
    )
    config = read(render({"pm2": "of ops"}, services, answers), tmp_path)
    api, store = config.services
    assert config.policy.mode == "approve"
    assert config.supervisors.off == frozenset({"systemd"})
    assert api.health is not None
    assert (api.health.http, api.protected) == ("http://127.0.0.1:8000/health", False)
    assert (store.name, store.protected) == ("pm2:store", True)


def test_without_answers_everything_is_careful(tmp_path: Path) -> None:
    config = read(render({}, [FoundService(name="api", supervisor="circus", ports=(80,))], Answers()), tmp_path)
    assert config.policy.mode == "suggest"
    assert config.services[0].health is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(what=st.text(max_size=30), mode=st.sampled_from(sorted(MODES)))
def test_nothing_that_was_found_can_write_keys_of_its_own(what: str, mode: str, tmp_path: Path) -> None:
    config = read(render({"pm2": what}, [], Answers(mode=mode)), tmp_path)
    assert (config.policy.mode, config.services, config.supervisors.off) == (mode, (), frozenset())
