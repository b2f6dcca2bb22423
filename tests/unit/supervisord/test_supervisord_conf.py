"""supervisord's configuration as data: read as its user would, nothing evaluated."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.supervisors.supervisord.conf import ConfFile, expand, read_conf

_MAIN = """\
; of the whole
[supervisord]
logfile=/var/log/s.log  ; where it goes

[program:api]
command=/usr/bin/python3 app.py
    --port 8000
numprocs=2
process_name=%(program_name)s_%(process_num)02d
autorestart: true
environment=A="1",B="a;b"
[group:both]
programs=worker, mail
[eventlistener:watch]
command=cat
[include]
files = conf.d/*.conf
"""


def write(folder: Path, text: str = _MAIN) -> Path:
    path = folder / "supervisord.conf"
    path.write_text(text)
    return path


def read(path: Path) -> ConfFile:
    conf = read_conf(path, os.geteuid())
    assert conf is not None
    return conf


def test_sections_keys_and_lines_are_found(tmp_path: Path) -> None:
    conf = read(write(tmp_path))
    api = conf.section("program", "api")
    assert api is not None
    assert api.get("command") == "/usr/bin/python3 app.py\n--port 8000"
    assert str(api.values["numprocs"]) == f"{conf.path}:8"
    assert api.get("autorestart") == "true"
    supervisord = conf.section("supervisord")
    assert supervisord is not None
    assert supervisord.get("logfile") == "/var/log/s.log"


def test_included_files_belong_to_it_and_unreadable_ones_are_told(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/mail.conf").write_text("[program:mail]\ncommand=mail\n")
    (tmp_path / "conf.d/pipe.conf").symlink_to("/dev/zero")
    conf = read(write(tmp_path))
    assert conf.section("program", "mail") is not None
    assert conf.unread == (tmp_path / "conf.d/pipe.conf",)


def test_every_process_has_its_section_and_listeners_are_known(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/more.conf").write_text("[program:worker]\ncommand=w\n[program:mail]\ncommand=m\n")
    conf = read(write(tmp_path))
    names = {full: section.name for full, section in conf.process_names().items()}
    assert names == {
        "api:api_00": "api",
        "api:api_01": "api",
        "both:worker": "worker",
        "both:mail": "mail",
    }
    assert conf.listeners() == {"watch"}


def test_what_cannot_be_known_is_not_expanded() -> None:
    names: dict[str, str | int] = {"here": "/srv", "process_num": 3}
    assert expand("%(here)s/s_%(process_num)02d %%", names) == "/srv/s_03 %"
    assert expand("%(ENV_HOME)s/x", names) is None
    assert expand("%(here)d", names) is None


@settings(deadline=None, max_examples=60)
@given(st.text(string.printable, max_size=400))
def test_whatever_is_written_there_is_read_to_its_end(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.conf"
        path.write_text(text)
        conf = read_conf(path, os.geteuid())
        assert conf is not None
        conf.process_names()
        conf.listeners()


def test_a_file_that_is_too_large_or_none_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path, "x" * (1024 * 1024 + 1))
    os.mkfifo(tmp_path / "pipe")
    for one in (path, tmp_path / "pipe", tmp_path, tmp_path / "missing", Path("/dev/zero")):
        assert read_conf(one, os.geteuid()) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: reads for another user")
def test_for_a_user_only_what_that_user_may_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    tmp_path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    path.chmod(0o600)
    assert read_conf(path, 65534) is None
    os.chown(path, 65534, 65534)
    parents_let = all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)
    assert (read_conf(path, 65534) is not None) == parents_let
    tmp_path.chmod(0o700)
    assert read_conf(path, 65534) is None
