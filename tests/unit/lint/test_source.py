"""Source is read as text: what the script loads of its own, no more than that, and nobody else's."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opsagent_tools.lint import source
from opsagent_tools.lint.source import read_project, script_of
from opsagent_tools.units import UnitId, UnitSetup


def setup(folder: Path, *command: str, script: str | None = None) -> UnitSetup:
    path = folder / script if script is not None else None
    return UnitSetup(id=UnitId("pm2", "api", "host"), command=command, script=path, cwd=folder)


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(folder: Path, read: source.Project) -> list[str]:
    return [str(one.path.relative_to(folder)) for one in read.sources]


def test_what_a_script_loads_of_its_own_is_read_and_nothing_else(tmp_path: Path) -> None:
    app = tmp_path / "app"
    put(app, "package.json", '{"type": "module"}')
    put(
        app, "main.js", "import './lib/a.js'; import x from '../secret.js'; import e from 'express'; require('./lib/b')"
    )
    put(app, "lib/a.js", "export * from './c.mjs'")
    put(app, "lib/b/index.js", "")
    put(app, "lib/c.mjs", "import '../main.js'; import '../node_modules/express/index.js'")
    put(app, "node_modules/express/index.js", "")
    put(app, "unused.js", "")
    put(tmp_path, "secret.js", "")
    read = read_project(setup(app, script="main.js"))
    assert names(app, read) == ["main.js", "lib/a.js", "lib/b/index.js", "lib/c.mjs"]
    assert (read.package["type"], read.package_file, read.unread) == ("module", app / "package.json", "")


def test_typescript_is_read_by_the_name_that_it_becomes(tmp_path: Path) -> None:
    put(tmp_path, "src/main.ts", "import { end } from './end.js';\n")
    put(tmp_path, "src/end.ts", "export const end = 1;\n")
    assert names(tmp_path, read_project(setup(tmp_path, script="src/main.ts"))) == ["src/main.ts", "src/end.ts"]


def test_a_line_keeps_its_number_and_a_comment_is_no_code(tmp_path: Path) -> None:
    put(tmp_path, "main.js", "/* server.close()\n*/ const u = 'http://x'; // server.close()\nserver.close()\n")
    hit = read_project(setup(tmp_path, script="main.js")).find(re.compile(r"server\.close"))
    assert hit is not None
    assert (hit.line, hit.source.path.name) == (3, "main.js")
    assert "http://x" in hit.source.text


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("node", "--enable-source-maps", "main.js"), "main.js"),
        (("python3", "-m", "uvicorn", "--port", "80", "web.app:app"), "web/app.py"),
        (("gunicorn", "web:create()"), "web/__init__.py"),
        (("/usr/bin/sleep", "100"), None),
        (("npm", "start"), None),
    ],
)
def test_the_script_is_told_from_the_command(command: tuple[str, ...], expected: str | None, tmp_path: Path) -> None:
    for name in ("main.js", "web/app.py", "web/__init__.py"):
        put(tmp_path, name, "")
    assert script_of(setup(tmp_path, *command)) == (tmp_path / expected if expected is not None else None)


def test_python_modules_of_its_own_are_read(tmp_path: Path) -> None:
    put(tmp_path, "web/app.py", "import os\nfrom . import views\nfrom .deep import x\nfrom web.other import y\n")
    for name in ("web/deep.py", "web/other.py", "web/__init__.py"):
        put(tmp_path, name, "# nothing")
    read = read_project(setup(tmp_path, "uvicorn", "web.app:app"))
    assert {"web/app.py", "web/deep.py", "web/other.py"} <= set(names(tmp_path, read))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_source_of_another_user_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, "main.js", "require('./theirs')")
    theirs = put(tmp_path, "theirs.js", "process.on('SIGINT', bye)")
    os.chown(theirs, 12345, -1)
    assert names(tmp_path, read_project(setup(tmp_path, script="main.js"))) == ["main.js"]
    os.chown(tmp_path / "main.js", 12345, -1)
    read = read_project(setup(tmp_path, script="main.js"))
    assert (read.sources, "belongs to uid 12345" in read.unread) == ((), True)


def test_a_script_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "main.js").symlink_to("/etc/shadow")
    read = read_project(setup(tmp_path, script="main.js"))
    assert read.sources == ()
    assert "is a link" in read.unread


def test_reading_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_MOST_FILES", 5)
    monkeypatch.setattr(source, "_MOST_BYTES", 1000)
    put(tmp_path, "main.js", "".join(f"require('./m{number}')\n" for number in range(20)) + "x" * 5000)
    for number in range(20):
        put(tmp_path, f"m{number}.js", "")
    read = read_project(setup(tmp_path, script="main.js"))
    assert len(read.sources) == 5
    assert len(read.sources[0].text) == 1000
