"""Which units are a person's services; their names and paths; and the rule that polkit would need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.supervisors.found import Machine, Wanted
from opsagent_tools.supervisors.systemd.endpoint import greeted, unit_of_path, unit_path
from opsagent_tools.supervisors.systemd.find import find
from opsagent_tools.supervisors.systemd.polkit import explain_refusal, polkit_rule
from opsagent_tools.supervisors.systemd.whose import Services, by_unit, instance_of, name_of, own_unit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own, packaged = tmp_path / "etc", Path("/usr/lib/systemd/system/cron.service")
    own.mkdir()
    for name in ("api", "web", "worker@", "snapd", "sshd", "getty@", "opsagent", "systemd-custom"):
        (own / f"{name}.service").write_text("[Service]\nExecStart=true\n")
    (own / "masked.service").symlink_to("/dev/null")
    (own / "cron.service").symlink_to(packaged)
    (own / "alias.service").symlink_to(own / "api.service")
    (own / "linked.service").symlink_to(_elsewhere(tmp_path))
    (own / "notes.txt").touch()
    wants = own / "multi-user.target.wants"
    wants.mkdir()
    for instance in ("2", "10"):
        (wants / f"worker@{instance}.service").symlink_to(own / "worker@.service")
    return own


def _elsewhere(tmp_path: Path) -> Path:
    path = tmp_path / "linked.service"
    path.write_text("[Service]\nExecStart=true\n")
    return path


def files(found: Services) -> list[str]:
    return sorted(file.removesuffix(".service") for file in found.files())


def test_a_persons_services_are_those_in_folders_for_people(folder: Path) -> None:
    assert files(Services("system", folders=[folder])) == ["api", "linked", "snapd", "web", "worker@"]


def test_a_person_may_name_more_and_fewer(folder: Path) -> None:
    services = Services("system", ["cron", "postgresql@.service", "sshd"], ["snap*", "web.service"], [folder])

    assert files(services) == ["api", "cron", "linked", "postgresql@", "worker@"]
    assert services.is_named("postgresql@15.service")
    assert services.is_ours("postgresql@15.service", services.files())
    assert not services.is_ours("snapd.service", services.files())
    assert not services.is_ours("sshd.service", services.files())  # what people log in with, whoever names it


def test_an_instance_may_be_left_out_alone(folder: Path) -> None:
    services = Services("system", (), ["worker@2"], [folder])

    assert services.is_ours("worker@10.service", services.files())
    assert not services.is_ours("worker@2.service", services.files())


def test_instances_that_come_up_at_boot_are_known_before_they_run(folder: Path) -> None:
    enabled = Services("system", folders=[folder]).enabled_instances("worker@.service")

    assert by_unit([*enabled, "api.service", "worker@.service", "worker@1.service"]) == {
        "api": ["api.service"],
        "worker@": ["worker@1.service", "worker@2.service", "worker@10.service"],
    }


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert Services("system", folders=[tmp_path / "none"]).files() == frozenset()


@pytest.mark.parametrize(
    ("file", "name", "instance"),
    [("api.service", "api", ""), ("worker@3.service", "worker@", "3"), ("a.b@c@d.service", "a.b@", "c@d")],
)
def test_names(file: str, name: str, instance: str) -> None:
    assert (name_of(file), instance_of(file)) == (name, instance)


def test_the_agents_own_unit_is_read_from_its_cgroup() -> None:
    assert own_unit("0::/system.slice/opsagent-prod.service\n") == "opsagent-prod.service"
    assert own_unit("0::/user.slice/user-0.slice/user@0.service/app.slice/mine.service\n") == "mine.service"
    assert own_unit("0::/user.slice/user-0.slice/session-1.scope\n") == ""


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_units_path_tells_its_name(name: str) -> None:
    path = unit_path(name)

    assert unit_of_path(path) == name
    assert path.isascii()
    assert set(path.rpartition("/")[2]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


@pytest.mark.parametrize("path", ["", "/org/example", "/org/freedesktop/systemd1/unit/a_zz"])
def test_what_is_no_units_path(path: str) -> None:
    assert unit_of_path(path) == ""


def test_a_greeting_is_waited_for_but_not_for_ever() -> None:
    assert greeted(b"OK 0123") is None
    assert greeted(b"OK 0123\r\n") is True
    assert greeted(b"REJECTED EXTERNAL\r\n") is False
    assert greeted(b"x" * 5000) is False


def test_a_rule_is_for_one_user_one_unit_one_verb() -> None:
    rule = polkit_rule('eve"\n', "worker@3.service", ["restart"])

    assert rule.path == Path("/etc/polkit-1/rules.d/50-opsagent-eve__-worker@3-restart.rules")
    assert f"subject.user == {json.dumps('eve' + chr(34) + chr(10))}" in rule.text
    assert 'action.lookup("unit") == "worker@3.service"' in rule.text
    assert rule.text.splitlines()[0] == '// eve"? may restart worker@3.service, and nothing else.'
    assert rule.install()[-1] == str(rule.path)


@pytest.mark.parametrize("verbs", [[], ["shutdown"], ["restart", "enable"]])
def test_there_is_no_rule_for_everything(verbs: list[str]) -> None:
    with pytest.raises(ValueError, match="not what systemd can be asked"):
        polkit_rule("eve", "api.service", verbs)


def test_what_no_rule_for_one_unit_allows_is_said() -> None:
    assert "There is no rule for one unit alone" in explain_refusal("api.service", "enable", "denied")


def test_a_machine_without_systemd_has_none(tmp_path: Path) -> None:
    machine = Machine.here()
    other = Machine(sweep=machine.sweep, uid=machine.uid, environ={}, home=tmp_path, run=tmp_path)

    assert find(other, Wanted()) == ()
