"""`[policy]` in `config.toml`: what may stand in it, what is wrong with it, quiet hours by the clock on the wall, whose it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent.config import Config, ConfigError, parse
from opsagent.home import Home, HomeError
from opsagent.maintenance import weekly
from opsagent.policy import Policy
from opsagent.policy_report import Sources, policy_said
from opsagent.quiet import QuietHours
from opsagent.situation import quiet_at


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


WHOLE = """
mode = "approve"
[policy]
induced_budget_actions = 2
induced_global_budget_actions = 3
breaker_trial_s = 60
blast_radius = 0.5
two_person = false
outside = { own = "approve", machine = "suggest" }
protected_paths = ["/srv/shop/data/**", "**/*.key"]
trust_min = 9
digest = false
digest_days = 2
[policy.quiet_hours]
from = "22:00"
to = "07:00"
weekdays = "Mon-Fri"
zone = "Europe/Berlin"
"""


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    assert parse(written(tmp_path, WHOLE)).policy == Policy(
        mode="approve",
        induced_budget_actions=2,
        induced_global_budget_actions=3,
        breaker_trial_s=60.0,
        blast_radius=0.5,
        two_person=False,
        outside_own="approve",
        outside_machine="suggest",
        protected_paths=("/srv/shop/data/**", "**/*.key"),
        trust_min=9,
        digest=False,
        digest_days=2,
        quiet=QuietHours(weekly("Mon-Fri 22:00-07:00", "Europe/Berlin")),
    )


def test_one_mode_for_all_that_is_outside(tmp_path: Path) -> None:
    policy = parse(written(tmp_path, '[policy]\noutside = "auto"\n')).policy
    assert (policy.outside_own, policy.outside_machine) == ("auto", "auto")
    assert (Policy().outside_own, Policy().outside_machine) == (None, "approve")


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("[policy]\nblast_radius = 0", "policy.blast_radius", "above 0 and at most 1"),
        ("[policy]\nblast_radius = 2", "policy.blast_radius", "above 0 and at most 1"),
        ('[policy]\nblast_radius = "all"', "policy.blast_radius", "must be a number"),
        ("[policy]\ntwo_person = 1", "policy.two_person", "must be a boolean"),
        ('[policy]\noutside = "wild"', "policy.outside", "is no mode"),
        ('[policy]\noutside = { world = "auto" }', "policy.outside.world", "known keys are own, machine"),
        ('[policy]\noutside = { own = "wild" }', "policy.outside.own", "is no mode"),
        ('[policy]\nprotected_paths = ["data/**"]', "policy.protected_paths", "is no absolute path"),
        ('[policy]\nprotected_paths = "/srv"', "policy.protected_paths", "must be a list of strings"),
        ("[policy]\ntrust_min = 0", "policy.trust_min", "must be from 1"),
        ('[policy]\nquiet_hours = "22-7"', "policy.quiet_hours", "must be a table"),
        ('[policy.quiet_hours]\nfrom = "22:00"', "policy.quiet_hours", "has no to"),
        ('[policy.quiet_hours]\nfrom = "22:00"\nto = "22:00"', "policy.quiet_hours", "ends where it begins"),
        ('[policy.quiet_hours]\nfrom = "25:00"\nto = "07:00"', "policy.quiet_hours", "is no time of day"),
        (
            '[policy.quiet_hours]\nfrom = "22:00"\nto = "07:00"\nzone = "Mars"',
            "policy.quiet_hours.zone",
            "no time zone",
        ),
        ('[policy.quiet_hours]\nfrom = "22:00"\nto = "07:00"\nweekdays = "Funday"', "policy.quiet_hours", "no day"),
        ('[policy.quiet_hours]\nfrom = "22:00"\nto = "07:00"\nday = "Mon"', "policy.quiet_hours.day", "unknown key"),
        ("[policy]\nqiet_hours = 1", "policy.qiet_hours", "did you mean quiet_hours?"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, text: str, place: str, problem: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        parse(written(tmp_path, text))
    said = str(wrong.value)
    assert place in said
    assert problem in said
    assert "(line " in said
    assert "\n" not in said


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


BERLIN = QuietHours(weekly("22:00-07:00", "Europe/Berlin"))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-15T20:59", None),
        ("2026-01-15T21:00", "2026-01-16T06:00"),
        ("2026-07-15T20:00", "2026-07-16T05:00"),
        ("2026-07-15T05:00", None),
        # clocks are put forward on 2026-03-29 at 02:00, back on 2026-10-25 at 03:00
        ("2026-03-28T21:00", "2026-03-29T05:00"),
        ("2026-03-29T20:00", "2026-03-30T05:00"),
        ("2026-10-24T20:00", "2026-10-25T06:00"),
        ("2026-10-25T05:30", "2026-10-25T06:00"),
        ("2026-10-25T20:30", None),
    ],
)
def test_quiet_hours_go_by_the_clock_on_the_wall(now: str, until: str | None) -> None:
    assert BERLIN.until(moment(now)) == (moment(until) if until is not None else None)


def test_weekdays_are_of_the_evening_on_which_they_begin() -> None:
    weekdays = QuietHours(weekly("Mon-Fri 22:00-07:00", "UTC"))
    assert weekdays.until(moment("2026-01-17T03:00")) == moment("2026-01-17T07:00"), "Friday's night"
    assert weekdays.until(moment("2026-01-17T23:00")) is None, "Saturday"
    assert weekdays.until(moment("2026-01-19T03:00")) is None, "Sunday's night"


def test_it_is_told_by_the_clock_of_its_zone() -> None:
    said, seconds = quiet_at(Policy(quiet=BERLIN), moment("2026-07-15T22:00"))
    assert (said, seconds) == ("until 07:00 (Europe/Berlin)", 7 * 3600.0)
    assert quiet_at(Policy(quiet=BERLIN), moment("2026-07-15T12:00")) == ("", 0.0)
    assert quiet_at(Policy(), moment("2026-07-15T22:00")) == ("", 0.0)


def test_each_value_says_where_it_comes_from(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    said = {one.key: one for one in policy_said(parse(path).policy, Sources(path))}
    assert said["mode"].where == "config.toml:2"
    assert said["two_person"].where == "config.toml:8"
    assert said["quiet_hours"].where == "config.toml:14"
    assert said["quiet_hours"].value["weekdays"] == ["Mon", "Tue", "Wed", "Thu", "Fri"]
    assert said["budget_actions"].where == "default"
    assert all(one.means for one in said.values())


def test_every_key_is_told(tmp_path: Path) -> None:
    from opsagent.config_policy import READERS

    said = {one.key for one in policy_said(Policy(), Sources(tmp_path / "none.toml"))}
    assert said == {*READERS, "mode", "procedures"}, "procedures are said in [screens]"


def test_a_policy_that_others_may_write_to_is_refused_with_how_to_mend_it(home: Path) -> None:
    place = Home.open(home)
    place.config_file.write_text('mode = "auto"\n')
    for mode in (0o622, 0o660, 0o602):
        place.config_file.chmod(mode)
        with pytest.raises(HomeError, match="others may write to this configuration: `chmod go-w"):
            Config.load(place)
    place.config_file.chmod(0o600)
    assert Config.load(place).policy.home == str(place.path)
