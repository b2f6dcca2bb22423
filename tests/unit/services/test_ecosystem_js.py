"""An ecosystem file in JavaScript is one's own code: evaluated when asked for, bounded, and without the network."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from opsagent_tools.services.ecosystem import evaluate as module
from opsagent_tools.services.ecosystem.evaluate import evaluate
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.load import load
from tests.support import pm2

APP = "{ name: 'api', script: 'sleep', args: '9' }"
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _node(monkeypatch: pytest.MonkeyPatch) -> None:
    node = pm2.needed()
    monkeypatch.setenv("PATH", f"{node.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str, name: str = "ecosystem.config.js") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return to_file


def complaint(path: Path, timeout_s: float = 10.0) -> ServicesFileError:
    with pytest.raises(ServicesFileError) as caught:
        evaluate(path, timeout_s=timeout_s)
    assert "\n" not in str(caught.value)
    assert caught.value.mend
    return caught.value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ecosystem.config.js", f"module.exports = {{ apps: [{APP}] }};"),
        ("a.config.cjs", f"exports.apps = [{APP}];"),
        ("b.mjs", f"export const apps = [{APP}];"),
        ("c.mjs", f"const apps = await Promise.resolve([{APP}]); export default {{ apps }};"),
    ],
)
def test_every_way_to_export_is_understood(write: Write, name: str, text: str) -> None:
    (spec,) = load(write(text, name)).specs

    assert (spec.name, spec.command) == ("api", ("sleep", "9"))


def test_it_may_compute_and_load_what_is_ones_own(write: Write) -> None:
    write("module.exports = require('path').join('a', 'b');", "part.js")
    write('{"level": 7}', "data.json")
    file = write(
        "module.exports = { part: require('./part'), data: require('./data.json'), gone: undefined, n: null };"
    )

    assert evaluate(file) == {"part": "a/b", "data": {"level": 7}, "n": None}


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("module.exports = {", "", "SyntaxError"),
        ("\n\nthrow new Error('no\\nway')", "", "Error: no"),
        ("module.exports = { apps: [{ script: () => 1 }] }", "apps[0].script", "is a function"),
        ("module.exports = { apps: [{ watch: /x/ }] }", "apps[0].watch", "is a regular expression"),
        ("module.exports = { a: new Map() }", "a", "is a Map"),
        ("const a = {}; a.a = a; module.exports = a", "a", "holds itself"),
        ("module.exports = { a: Array(30000).fill(1) }", "a[", "more than 20000 values"),
        ("module.exports = { a: 'x'.repeat(2e6) }", "", "describes more than 1048576 bytes"),
        ("process.exit(3)", "", "ended with exit code 3"),
        ("require('./none')", "", "Cannot find module"),
        ("require('fs').writeFileSync('left-behind', 'x'.repeat(10))", "", "EFBIG|and said nothing"),
    ],
)
def test_what_it_does_wrong_is_one_line(write: Write, tmp_path: Path, text: str, place: str, problem: str) -> None:
    error = complaint(write(text))

    assert re.search(problem, error.problem), error
    assert error.place.startswith(place)
    assert not (tmp_path / "left-behind").exists() or not (tmp_path / "left-behind").read_text()


def test_an_error_names_its_line(write: Write) -> None:
    assert complaint(write("\n\nthrow new Error('no')")).line == 3


def test_one_that_hangs_is_ended_with_all_that_it_started(write: Write, tmp_path: Path) -> None:
    mark = f"{tmp_path}/hangs"
    file = write(
        f"require('child_process').spawn('sh', ['-c', 'sleep 600; : {mark}'], {{ detached: true }}); for (;;);"
    )
    begun = time.monotonic()

    error = complaint(file, timeout_s=1.0)

    assert error.problem == "is not done after 1 s"
    assert time.monotonic() - begun < 5
    assert not [one for one in psutil.process_iter(["cmdline"]) if mark in " ".join(one.info["cmdline"] or [])]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_one_that_prints_without_end_is_ended_and_its_output_dropped(write: Write, stream: str) -> None:
    file = write(f"for (let i = 0; i < 2e5; i++) process.{stream}.write('x'.repeat(100)); for (;;);")
    before = psutil.Process().memory_info().rss

    assert "not done after" in complaint(file, timeout_s=1.5).problem
    assert psutil.Process().memory_info().rss - before < 50 * 2**20


def test_what_it_prints_is_no_answer(write: Write) -> None:
    file = write(
        f"console.log(JSON.stringify({{ value: 'forged' }})); console.error('loud'); module.exports = [{APP}];"
    )

    assert evaluate(file) == [{"name": "api", "script": "sleep", "args": "9"}]


def test_it_reaches_nobody_and_sees_none_of_our_variables(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        file = write(
            "const { spawnSync } = require('child_process');\n"
            f"const dial = `require('net').connect({port}, '127.0.0.1').on('connect', () => process.exit(0))"
            ".on('error', e => { console.log(e.code); process.exit(1) })`;\n"
            "const done = spawnSync(process.execPath, ['-e', dial]);\n"
            "module.exports = { code: done.status, said: String(done.stdout), env: Object.keys(process.env),"
            " faces: Object.keys(require('os').networkInterfaces()) };"
        )
        found = evaluate(file)
        open_ = evaluate(file, allow_network=True)

    assert isinstance(found, dict)
    assert isinstance(open_, dict)
    assert (found["code"], open_["code"]) == (1, 0)
    assert found["said"].strip() in {"ENETUNREACH", "ECONNREFUSED"}
    assert "MY_SECRET" not in found["env"]
    assert found["faces"] == []


def test_where_the_network_cannot_be_taken_away_it_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(f"module.exports = [{APP}];")
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "unshare" else f"/usr/bin/{name}")

    error = complaint(file)

    assert "cannot be evaluated without the network here" in error.problem
    assert "--allow-network" in error.mend


def test_without_node_it_says_so(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)

    assert complaint(write("")).problem == "needs node to be evaluated"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize("whose", ["file", "folder", "module", "imported", "link"])
def test_code_of_another_user_never_runs(write: Write, tmp_path: Path, whose: str) -> None:
    ran = tmp_path / "ran"
    touch = f"require('fs').mkdirSync({json.dumps(str(ran))});"
    theirs = write(f"{touch} module.exports = [];", "theirs/part.js")
    file = write(f"{touch} module.exports = [];", "mine/ecosystem.config.js")
    match whose:
        case "file":
            os.chown(file, 65534, 65534)
        case "folder":
            os.chown(file.parent, 65534, 65534)
        case "module":
            os.chown(theirs, 65534, 65534)
            file.write_text("require('../theirs/part.js')")
        case "imported":
            os.chown(theirs.parent, 65534, 65534)
            file = write("import '../theirs/part.js'; export default []", "mine/e.mjs")
        case _:
            file = tmp_path / "linked.js"
            file.symlink_to(tmp_path / "mine/ecosystem.config.js")
            os.chown(file, 65534, 65534, follow_symlinks=False)

    error = complaint(file)

    assert re.search(r"belongs to (user 65534|another user)", error.problem), error
    assert not ran.exists()


@pytest.mark.parametrize("whose", ["file", "folder", "module"])
def test_code_that_others_may_write_never_runs(write: Write, tmp_path: Path, whose: str) -> None:
    part = write("module.exports = [];", "theirs/part.js")
    file = write("require('../theirs/part.js')", "mine/ecosystem.config.js")
    {"file": file, "folder": file.parent, "module": part}[whose].chmod(0o777)

    assert "others may write to" in complaint(file).problem.replace("which others may write to", "others may write to")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_who_is_not_root_evaluates_in_a_namespace_of_his_own() -> None:
    base = Path("/tmp") / f"oa-js-{os.getpid()}"  # below a folder that another user can enter
    base.mkdir(mode=0o755)
    try:
        file = base / "e.js"
        file.write_text("module.exports = { faces: Object.keys(require('os').networkInterfaces()) }")
        for path in (base, file):
            os.chown(path, 12345, 12345)
        program = (
            "import grp, os, pwd, sys; sys.path[:0] = [p for p in sys.argv[2:]];"
            "from opsagent_tools.services.ecosystem import evaluate;"
            "from pathlib import Path; os.setgroups([]); os.setgid(12345); os.setuid(12345);"
            "print(evaluate.evaluate(Path(sys.argv[1])))"
        )
        tried = subprocess.run(
            ["unshare", "--user", "--map-current-user", "--net", "true"],
            user=12345, group=12345, extra_groups=[], capture_output=True, check=False, cwd="/",
        )  # fmt: skip
        script = Path(module.__file__).with_name("evaluate.mjs")
        if not all(each.stat().st_mode & 0o001 for each in script.parents):
            pytest.skip("the checkout is closed to other users")
        if tried.returncode != 0:
            pytest.skip("the kernel lets no user have namespaces of his own")
        done = subprocess.run(
            [sys.executable, "-c", program, str(file), *sys.path],
            capture_output=True, text=True, check=False, cwd="/", timeout=60,
        )  # fmt: skip
        assert done.stdout.strip() == "{'faces': []}", done.stderr
    finally:
        for path in (base / "e.js", base):
            (path.unlink if path.is_file() else path.rmdir)()
