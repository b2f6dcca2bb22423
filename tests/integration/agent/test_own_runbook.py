"""A person's own runbook repairs a real service: its command is run once, by the daemon, as the file says."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from opsagent.store.rows import IncidentRow
from opsagent_tools.actions import ActionName
from tests.integration.agent.conftest import Place

BOARD = """
import http.server, os, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if pathlib.Path("index").exists() else 503)
        self.end_headers()
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
RUNBOOK = """
title = "The index of board is gone"
cause = "unknown"
answers = ["hang", "error_burst"]
looks_for = "that it answers, and has nothing to answer with"
never = "restart it: it would look for the same index"

[[remedy]]
name = "rebuild"
does = "rebuild its index"
when = ["unit.name is board", "health_now.ok is false", "health_now.reason is status"]
expects = "it has an index again"
verify_s = 1
verify = ["health_now.ok is true"]
undo = "the index is moved away again"

[[remedy.step]]
action = "run_runbook_command"
command = ["{shell}", "-c", "echo run >> $1/runs; echo index > $1/index; echo token=ghp_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2", "{shell}", "{folder}"]
undo_command = ["/bin/mv", "{folder}/index", "{folder}/index.undone"]
timeout_s = 10
"""


def is_over(row: IncidentRow) -> bool:
    return row.status in {"resolved", "closed", "escalated"}


async def test_a_persons_own_runbook_repairs_a_service(place: Place, free_port: int, tmp_path: Path) -> None:
    folder = tmp_path / "board"
    folder.mkdir()
    (folder / "serve.py").write_text(BOARD)
    (folder / "index").write_text("index\n")
    own = place.home.path / "runbooks"
    own.mkdir(mode=0o700)
    spec = place.service("board", free_port)
    await place.up(replace(spec, command=(sys.executable, "-S", "-P", str(folder / "serve.py")), cwd=folder))
    await place.watch()
    # after the daemon was started: what is written while it runs is heeded
    (own / "board.toml").write_text(RUNBOOK.format(shell="/bin/sh", folder=folder))
    (own / "board.toml").chmod(0o600)
    (own / "broken.toml").write_text("title = ")
    pids = await place.pids("board")
    (folder / "index").unlink()
    row = await place.incident(is_over)
    assert (row.status, row.outcome, row.remedy) == ("resolved", "repaired", "own.board/rebuild"), row.events
    (step,) = [step for plan in row.plans for step in plan.steps]
    assert (step.step.action.name, step.status) == (ActionName.RUN_RUNBOOK_COMMAND, "done")
    assert (folder / "runs").read_text() == "run\n"
    assert await place.pids("board") == pids, "nothing was restarted"
    assert "ghp_a1B2" not in str(row), "what it said is masked"
