"""Where the configuration on disk differs from what supervisord says that it has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from opsagent_tools.supervisors.supervisord.book import Book
from opsagent_tools.supervisors.supervisord.conf import read_conf
from opsagent_tools.supervisors.supervisord.drift import drift
from opsagent_tools.supervisors.supervisord.info import RUNNING, Config, Info

_HAS = {
    "command": "/bin/app --secret=x",
    "directory": "/srv",
    "startsecs": 1,
    "startretries": 3,
    "stopwaitsecs": 10,
    "autostart": True,
    "redirect_stderr": False,
    "stopsignal": 15,
}


def info(group: str, name: str) -> Info:
    return Info(
        group=group,
        name=name,
        state=RUNNING,
        pid=0,
        start=1,
        stop=0,
        now=2,
        exit_status=0,
        spawn_error="",
        stdout="",
        stderr="",
    )


def drifted(folder: Path, text: str, has: Mapping[str, object] = _HAS, names: tuple[str, ...] = ("api",)) -> list[str]:
    """What is said of a supervisord that runs group `api` with these processes, and has this file."""
    path = folder / "s.conf"
    path.write_text(text)
    book = Book("supervisord")
    book.take([info("api", name) for name in names])
    configs = {
        f"api:{name}": Config(group="api", name=name, in_use=True, values=has)  # type: ignore[arg-type]
        for name in names
    }
    book.take_conf(read_conf(path, os.geteuid()), configs)
    return [finding.says.replace(str(path), "FILE") for finding in drift(book)]


SAME = "[program:api]\ncommand=/bin/app --secret=x\ndirectory=/srv\n"


def test_what_is_the_same_is_not_told(tmp_path: Path) -> None:
    assert drifted(tmp_path, SAME) == []
    assert drifted(tmp_path, SAME + "stopsignal=TERM\nstartsecs=1\nautostart=yes\n") == []


def test_every_kind_of_difference_is_told_with_its_line(tmp_path: Path) -> None:
    more = "stopsignal=INT\nstartsecs=5\nautostart=false\n"
    says = drifted(tmp_path, SAME.replace("/srv", "/opt") + more)
    assert says == [
        "directory is /srv for supervisord and /opt on disk (FILE:3)",
        "startsecs is 1 for supervisord and 5 on disk (FILE:5)",
        "autostart is true for supervisord and false on disk (FILE:6)",
        "stopsignal is 15 for supervisord and INT on disk (FILE:4)",
    ]


def test_a_changed_command_is_told_without_its_secrets(tmp_path: Path) -> None:
    (says,) = drifted(tmp_path, SAME.replace("secret=x", "secret=y"))
    assert says == "command is another for supervisord and changed on disk (FILE:2)"


def test_what_cannot_be_expanded_here_is_not_compared(tmp_path: Path) -> None:
    assert drifted(tmp_path, "[program:api]\ncommand=%(ENV_APP)s\ndirectory=/srv\n") == []


def test_another_number_of_processes_is_told(tmp_path: Path) -> None:
    names = ("api_0", "api_1")
    text = SAME + "numprocs={}\nprocess_name=%(program_name)s_%(process_num)d\n"
    assert drifted(tmp_path, text.format(2), names=names) == []
    assert drifted(tmp_path, text.format(3), names=names) == ["2 processes run, the configuration says 3 (FILE:4)"]


def test_what_is_only_here_or_only_there_is_told(tmp_path: Path) -> None:
    says = drifted(tmp_path, "[program:other]\ncommand=x\n")
    assert says == [
        "other is in the configuration and does not run: supervisord has not taken it up",
        "api runs and is not in the configuration any more: a reboot loses it",
    ]
