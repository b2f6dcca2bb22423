"""Which program a process is: what interpreters run, in the words of their command lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from opsagent_tools.gui.programs import NOBODY, program_of, scale_of, script_of
from tests.support.waiting import eventually

JAVA, PYTHON = "/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "/usr/bin/python3.11"


@pytest.mark.parametrize(
    ("exe", "command", "runs"),
    [
        (JAVA, "java -Xmx1g -cp lib/a.jar:lib/b.jar com.acme.console.Main --port 1", "com.acme.console.Main"),
        (JAVA, "java -Dx=y -jar /opt/console/console.jar -jar other.jar", "/opt/console/console.jar"),
        (JAVA, "java --module-path mods --module=app.desk/app.Desk", "app.desk/app.Desk"),
        (JAVA, "java @options com.acme.Main", "com.acme.Main"),
        (JAVA, "java -version", ""),
        (PYTHON, "python3 -W error -X dev tool.py --verbose", "tool.py"),
        (PYTHON, "python3 -m pdb.console file", "pdb.console"),
        (PYTHON, "python3 -c print(1) tool.py", ""),
        ("/usr/bin/wish8.6", "wish -encoding utf-8 /usr/bin/tkdiff a b", "/usr/bin/tkdiff"),
        ("/usr/bin/wish8.6", "wish", ""),
        ("/usr/bin/perl", "perl -w /usr/bin/hardinfo2", "/usr/bin/hardinfo2"),
        ("/usr/bin/perl", "perl -e 1", ""),
        ("/usr/bin/galculator", "galculator -jar not.jar", ""),
        ("/usr/lib/jvm/java-17-openjdk-amd64/bin/jconsole", "jconsole -interval=2 4711", ""),
    ],
)
def test_an_interpreters_program_is_what_it_runs(exe: str, command: str, runs: str) -> None:
    assert script_of(exe, command.split()) == runs


def test_a_process_is_known_by_its_executable_its_user_and_its_script(tmp_path: Path) -> None:
    script = tmp_path / "console.py"
    script.write_text("import sys; print('up', flush=True); sys.stdin.read()")
    with subprocess.Popen(
        [sys.executable, "console.py"],
        cwd=tmp_path,
        env={**os.environ, "GDK_SCALE": "2"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = program_of(process.pid)
        process.terminate()
    assert (found.name, found.script, found.uid) == ("console.py", str(script), os.geteuid())
    assert found.scale == 1.0, "nothing in it reads GDK_SCALE"
    assert found.exe == os.path.realpath(sys.executable)


def test_nothing_is_known_of_a_process_that_is_gone() -> None:
    process = subprocess.Popen(["true"])
    eventually(lambda: process.poll() is not None)
    assert program_of(process.pid) == NOBODY == program_of(0)


def test_the_scale_is_what_the_program_was_told() -> None:
    assert scale_of({"GDK_SCALE": "2"}, ["galculator"]) == 2.0
    assert scale_of({"QT_SCALE_FACTOR": "1.5"}, ["featherpad"]) == 1.5
    assert scale_of({"GDK_SCALE": "2"}, ["chromium", "--force-device-scale-factor=1.25"]) == 1.25
    assert scale_of({}, ["/usr/lib/chromium/chromium --show-component --force-device-scale-factor=2"]) == 2.0
    assert scale_of({"GDK_SCALE": "nonsense"}, ["java", "-Dsun.java2d.uiScale=2x"]) == 2.0
    assert scale_of({"GDK_SCALE": "-3"}, ["galculator"]) == scale_of({}, []) == 1.0
