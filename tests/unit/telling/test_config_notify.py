"""`[notify]`: read strictly; an address is never in the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.config import ConfigError, parse
from opsagent.notify_settings import Channel, Notify

GOOD = """
[notify]
language = "ko"
zone = "Asia/Seoul"
digest_at = "09:00"

[notify.channels.team]
url_file = "team.url"
hosts = ["Hooks.Slack.com", "[::1]:8080"]
what = ["escalations", "repaired"]

[notify.channels.night]
file = "told.txt"
language = "en"
zone = "Europe/Berlin"
quiet = "nothing"
"""


def read(tmp_path: Path, text: str) -> Notify:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return parse(file).notify


def test_channels_and_what_each_says_itself(tmp_path: Path) -> None:
    notify = read(tmp_path, GOOD)
    team, night = notify.channels
    assert (team.url_file, team.hosts) == ("team.url", ("hooks.slack.com", "[::1]:8080"))
    assert [notify.language_of(one) for one in (team, night)] == ["ko", "en"]
    assert [notify.zone_of(one) for one in (team, night)] == ["Asia/Seoul", "Europe/Berlin"]
    assert team.what == ("escalations", "repaired")


def test_nothing_is_told_where_the_file_does_not_say_so(tmp_path: Path) -> None:
    assert read(tmp_path, 'mode = "auto"\n').channels == ()


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('[notify.channels.team]\nurl = "slack://a/b/c"', "notify.channels.team.url", "an address is a secret"),
        ("[notify.channels.team]\nhosts = []", "notify.channels.team", "names no address"),
        ('[notify.channels.team]\nfile = "a"\nurl_env = "B"', "notify.channels.team", "has url_env and file"),
        ('[notify.channels."Team 1"]\nfile = "a"', "notify.channels.Team 1", "cannot be the name"),
        ('[notify.channels.team]\nfile = "a"\nwhat = ["all"]', "notify.channels.team.what", "nothing that is told"),
        ('[notify.channels.team]\nfile = "a"\nhosts = ["http://x/"]', "notify.channels.team.hosts", "is no host"),
        ('[notify.channels.team]\nfile = "a"\nquiet = "yes"', "notify.channels.team.quiet", "is not known"),
        ('[notify.channels.team]\nfile = "a"\ncommand = "x"', "notify.channels.team.command", "unknown key"),
        ('[notify]\nlanguage = "de"', "notify.language", "not spoken here"),
        ('[notify]\nzone = "Mars/Olympus"', "notify.zone", "no time zone"),
        ('[notify]\ndigest_at = "25:00"', "notify.digest_at", "no time of day"),
        ('[notify]\nproxy = "http://me:pw@proxy:1"', "notify.proxy", "without a password"),
        ("[notify]\nper_hour = 0", "notify.per_hour", "must be from"),
        ("[notify]\nwebhook = 1", "notify.webhook", "unknown key"),
        ("notify = 1", "notify", "must be a table"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, place: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read(tmp_path, text)
    assert place in str(caught.value)
    assert "slack://" not in str(caught.value)
    assert "pw@" not in str(caught.value)


def test_a_channel_tells_what_needs_a_person_unless_it_says_otherwise() -> None:
    assert Channel(name="a", file="b").what == ("escalations", "approvals", "suggestions", "recurring", "digest")
