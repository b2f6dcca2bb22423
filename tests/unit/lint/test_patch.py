"""Patches are shown, never applied; and applied by a person, they do what they promise."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from opsagent_tools.lint.load import Load, ask_until
from opsagent_tools.lint.patch import patch_of
from tests.support.pm2 import needed
from tests.support.waiting import until
from tests.unit.lint.subjects import found, subject

EXPRESS = """#!/usr/bin/env node
"use strict";
const express = require("express");
const app = express();

app.get("/", (request, response) => setTimeout(() => response.end("x"), 3)); // slow
app.listen(Number(process.env.PORT), "127.0.0.1", () => {
  console.log("listening");
});
"""
EXPRESS_PACKAGE = """
module.exports = () => {
  let work = null;
  const http = require("http");
  return {
    get: (path, handler) => { work = handler; },
    listen: (...rest) => http.createServer((q, r) => work(q, r)).listen(...rest),
  };
};
"""
"""As much of Express as the app above needs: what `listen` returns is Node's own server, there and here."""
FASTAPI = """from fastapi import FastAPI
import os
import uvicorn

app = FastAPI()


if __name__ == "__main__":
    uvicorn.run("main:app", host="127.0.0.1", port=int(os.environ["PORT"]), log_level="error")
"""
FASTAPI_PACKAGE = '''
class Response:
    def __init__(self):
        self.headers = {"content-length": "1"}

class FastAPI:
    """As much of it as the app needs: an ASGI app with middleware of the kind `http`."""
    around = None
    def middleware(self, kind):
        def take(wrapped):
            self.around = wrapped
            return wrapped
        return take
    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        async def last(request):
            return Response()
        response = await (self.around(None, last) if self.around else last(None))
        headers = [(key.lower().encode(), value.encode()) for key, value in response.headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x"})
'''


def apply(made: str, file: Path, git: Path) -> None:
    """Apply a patch as a person would."""
    depth = len(file.parts)  # the path in the patch has `a/` in place of the `/` at its beginning
    subprocess.run([git, "apply", f"-p{depth - 1}", "-"], input=made, text=True, check=True, cwd=file.parent)


def start(command: list[str], port: int, cwd: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env={**os.environ, "PORT": str(port)}, cwd=cwd)


async def ended_under_load(command: list[str], port: int, cwd: Path) -> tuple[Load, int]:
    """Start it, ask it, tell it to end while it is asked; return what they saw, and its exit code.

    Who opens a connection while the last process ends finds nobody: only connections that it had taken count.
    """
    load, stop = Load(), asyncio.Event()
    process = start(command, port, cwd)
    try:
        await until(lambda: _answers(port), timeout=20, why="it listens")
        asking = asyncio.create_task(ask_until(stop, port, "/", load))
        await until(lambda: load.asked > 100, why="it is asked")
        process.send_signal(signal.SIGTERM)
        await until(lambda: process.poll() is not None, timeout=15, why="it ends")
        stop.set()
        await asking
        return load, process.returncode
    finally:
        process.kill()
        process.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.fixture
def express(tmp_path: Path) -> Path:
    (tmp_path / "node_modules/express").mkdir(parents=True)
    (tmp_path / "node_modules/express/index.js").write_text(EXPRESS_PACKAGE)
    (tmp_path / "main.js").write_text(EXPRESS)
    return tmp_path / "main.js"


async def test_an_express_app_ends_gracefully_with_the_patch(
    express: Path, free_port: int, require: Callable[[str], Path]
) -> None:
    node = needed()
    made, why = patch_of(subject(express, stop_timeout_s=3.0))
    assert why == ""
    assert express.read_text() == EXPRESS, "nothing is applied"
    before, code = await ended_under_load([str(node), str(express)], free_port, express.parent)
    assert (before.cut > 0, code) == (True, -signal.SIGTERM), "as it is, it cuts requests off"
    apply(made, express, require("git"))
    after, code = await ended_under_load([str(node), str(express)], free_port, express.parent)
    assert (after.cut, code) == (0, 0), after.failures
    assert express.read_text().startswith('#!/usr/bin/env node\n"use strict";\nconst net = require("node:net");\n')
    assert (
        found(express, stop_timeout_s=3.0).keys() & {"reload/ignores_stop_signal", "reload/close_drops_keepalive"}
        == set()
    )
    assert "// slow" in express.read_text(), "comments stay"
    assert patch_of(subject(express)) == (
        "",
        "it handles SIGINT or SIGTERM already; `opsagent lint` says what is missing in that",
    )


async def test_a_fastapi_app_ends_gracefully_with_the_patch(
    tmp_path: Path, free_port: int, require: Callable[[str], Path]
) -> None:
    (tmp_path / "fastapi.py").write_text(FASTAPI_PACKAGE)
    script = tmp_path / "main.py"
    script.write_text(FASTAPI)
    made, why = patch_of(subject(script, runtime="python", family="supervisord", stop_timeout_s=5.0))
    assert why == ""
    assert script.read_text() == FASTAPI, "nothing is applied"
    apply(made, script, require("git"))
    assert "GracefulServer(uvicorn.Config(app, host=" in script.read_text()
    after, code = await ended_under_load([sys.executable, str(script)], free_port, tmp_path)
    assert after.cut == 0, after.failures
    assert code in {0, -signal.SIGTERM}, "uvicorn hands the signal on when it is done"


def test_an_es_module_is_patched_with_an_import_and_says_ready(tmp_path: Path) -> None:
    script = tmp_path / "main.mjs"
    script.write_text('import { createServer } from "http";\nconst web = createServer(work);\nweb.listen(1);\n')
    made, _ = patch_of(subject(script, says_ready=True, stop_timeout_s=10.0))
    assert '+import net from "node:net";' in made
    assert '+web.once("listening", () => process.send && process.send("ready"));' in made
    assert "}, 8000).unref();" in made or "process.exit(0), 8000)" in made


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("main.js", "console.log(1)\n", "no `app.listen"),
        ("main.py", "print(1)\n", "no `FastAPI"),
        ("main.py", "app = FastAPI()\n", "--timeout-graceful-shutdown"),
    ],
)
def test_where_there_is_no_patch_it_says_why(name: str, text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    made, said = patch_of(subject(tmp_path / name))
    assert made == ""
    assert why in said
