"""`opsagent memory` as a person uses it: real processes, a real memory. Each test uses as few processes as it can."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from opsagent.cli.main import main
from opsagent.cli.output import Out
from tests.acceptance.conftest import Cli, Result, home_of_its_own
from tests.acceptance.test_looking import ESC, on_a_terminal
from tests.support.waiting import eventually

RULE = "never restart billing between 1 and 3 am"


@pytest.fixture(scope="module")
def taught() -> Iterator[Cli]:
    """A home with a rule, a fact and a document. For a module: leave it as it was."""
    with home_of_its_own() as cli:
        folder = cli.home.parent / "wiki"
        folder.mkdir()
        (folder / "runbook.md").write_text(
            "# Billing\n\n## Connections\n\nIts pool has 20 of them. token=abcdef123456\n"
        )
        (folder / "picture.png").write_bytes(b"\x89PNG")
        assert cli("memory", "add", RULE, "--until", "30d").code == 0
        taken = cli("memory", "ingest", str(folder))
        assert taken.code == 0, taken
        assert f"{folder / 'runbook.md'}: new" in taken.out
        yield cli


Here = Callable[..., Result]


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """`opsagent memory …` in this very process, for what a process of its own would show no better."""

    def run(cli: Cli, *arguments: str) -> Result:
        monkeypatch.setattr(Out, "wrote_json", False)
        code = main(["memory", *arguments, "--home", str(cli.home)])
        return Result(code, *capfd.readouterr())

    return run


def answering(cli: Cli, *arguments: str, answer: str) -> tuple[int, str]:
    """Answer the question of a command on a terminal."""
    primary, secondary = pty.openpty()
    process = subprocess.Popen(cli.argv(*arguments), stdin=secondary, stdout=secondary, stderr=secondary, env=cli.env())
    os.close(secondary)
    shown = b""
    try:
        while chunk := os.read(primary, 65536):
            shown += chunk
            if b"[y/N]" in shown and answer:
                os.write(primary, answer.encode() + b"\n")
                answer = ""
    except OSError:  # Linux says EIO at the end of a pty
        pass
    finally:
        os.close(primary)
    return process.wait(30), shown.decode(errors="replace")


def test_what_was_said_is_found_by_meaning_and_says_why(taught: Cli) -> None:
    found = taught("memory", "search", "how many database connections may billing have", "-n", "2", "--json").json
    first = found["results"][0]
    assert first["source"] == "document"
    assert "token=«redacted" in first["text"]
    assert {"score", "without_learning", "similarity", "why", "tries", "successes", "last_worked"} <= set(first)


def test_a_narrow_terminal_is_not_overrun(taught: Cli) -> None:
    for arguments in (("list",), ("stats",)):
        lines = on_a_terminal(taught, "memory", *arguments, env={"COLUMNS": "60", "LINES": "24"}).splitlines()
        plain = [re.sub(r"\x1b\[[0-9;]*m|\x1b\[K|\r", "", line) for line in lines]
        assert all(len(line) <= 60 for line in plain), plain
        assert any(ESC in line for line in lines), "a terminal has colours"


def test_what_is_kept_is_listed_and_shown_with_its_history(taught: Cli, here: Here) -> None:
    listed = taught("memory", "list")
    assert ESC not in listed.out
    rows = {line.split()[0]: line for line in listed.out.splitlines()[1:]}
    (rule,) = [identity for identity, line in rows.items() if RULE in line]
    assert not any("contents of" in line for line in rows.values()), "what is archived is not listed unasked"
    assert len(here(taught, "list", "-n", str(10**20)).out.splitlines()) == len(rows) + 1
    shown = here(taught, "show", rule[:8])
    assert (shown.code, RULE in shown.out) == (0, True)
    assert re.search(r"^history\n  .* kept$", shown.out, re.MULTILINE)
    picture = taught.home.parent / "memory.html"
    stats = here(taught, "stats", "--json", "--html", str(picture)).json
    assert picture.stat().st_mode & 0o777 == 0o600, "it quotes what is remembered"
    assert stats["by_source"]["person"] == 1
    assert stats["disk"]["database"] > 0
    assert stats["waiting"] + sum(space["vectors"] for space in stats["spaces"]) >= 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("search", " "), "TEXT is empty"),
        (("list", "--kind", "dream"), "must be one of episode, fact, procedure"),
        (("list", "--source", "x"), "must be one of agent"),
        (("list", "--unit", "a", "--scope", "b"), "cannot be given both"),
        (("show", "fa-none"), "there is no record 'fa-none'"),
        (("add", "x", "--until", "soon"), "is no time"),
        (("add", "x", "--from", "2d", "--until", "1d"), "is not before"),
        (("add", "x", "--unit", "nosuch"), "nosuch"),
        (("export", "/"), "is a folder"),
        (("import", "/nosuch"), "is not there"),
        (("verify", "--noted", "1:ff"), "is no head"),
        (("ingest", ""), "PATH is empty"),
    ],
)
def test_wrong_input_is_told_in_one_line(taught: Cli, here: Here, arguments: Sequence[str], said: str) -> None:
    result = here(taught, *arguments, "--json")
    assert result.code == 2
    assert said in result.error
    assert result.json["error"]["exit_code"] == 2


def test_nothing_is_forgotten_unasked_and_what_is_is_gone_for_good(cli: Cli, here: Here) -> None:
    kept = cli("memory", "add", "zanzibar is where the spare keys are", "--json").json["id"]
    assert here(cli, "forget", kept, "--json").code == 3
    code, shown = answering(cli, "memory", "forget", kept[:9], answer="n")
    assert (code, "zanzibar" in shown, "nothing was forgotten" in shown) == (3, True, True)
    assert answering(cli, "memory", "forget", kept, answer="y")[0] == 0
    assert here(cli, "forget", kept, "--yes").out == f"forgotten before: {kept}\n"
    assert "was forgotten at" in here(cli, "show", kept).error
    assert not [path for path in cli.home.rglob("*") if path.is_file() and b"zanzibar" in path.read_bytes()]


def test_out_and_in_again_through_pipes(taught: Cli, here: Here, tmp_path: Path) -> None:
    exported = taught("memory", "export").out
    assert (
        len([json.loads(line) for line in exported.splitlines()]) == taught("memory", "stats", "--json").json["records"]
    )
    other = str(tmp_path / "other")
    broken = taught("memory", "import", "-", "--home", other, stdin=exported + "{broken\n")
    assert broken.code == 2
    assert f"line {len(exported.splitlines()) + 1}" in broken.error
    assert taught("memory", "import", "-", "--home", other, "--json", stdin=exported).json["added"] == len(
        exported.splitlines()
    )
    assert taught("memory", "export", "--home", other).out == exported
    assert list(Path(other).glob(".import*")) == []
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/sh", "-c", 'cat > "$0"', str(pipe)], stdin=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        writer.stdin.write(exported)
        writer.stdin.close()
        assert here(Cli(Path(other)), "import", str(pipe), "--json").json["known"] == len(exported.splitlines())
    gone = here(Cli(Path(other)), "forget", "--imported", "--yes", "--json").json
    assert len(gone["forgotten"]) == len(exported.splitlines())
    file = tmp_path / "out.jsonl"
    assert taught("memory", "export", str(file)).code == 0
    assert (file.read_text(), file.stat().st_mode & 0o777) == (exported, 0o600)


def test_a_full_disk_and_a_reader_that_goes_away(taught: Cli) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            taught.argv("memory", "export"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=taught.env(),
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "opsagent: standard output cannot be written: No space left on device\n"
    process = subprocess.Popen(
        taught.argv("memory", "export"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=taught.env()
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait(30)) == (b"", 0)
    process.stderr.close()


def test_what_was_changed_behind_its_back_is_found(cli: Cli, here: Here) -> None:
    kept = cli("memory", "add", "the pool has 20 connections", "--json").json
    assert kept["text"] == "the pool has 20 connections"
    sound = here(cli, "verify", "--json").json
    assert sound["ok"]
    with sqlite3.connect(cli.home / "opsagent.db") as database:
        database.execute("UPDATE memory_records SET text = 'the pool has 200 connections'")
    database.close()
    changed = here(cli, "verify", "--noted", sound["head"])
    assert changed.code == 1
    assert "was changed" in changed.out


def test_the_daemon_s_memory_is_asked_and_ctrl_c_ends_an_import_with_nothing_kept(
    cli: Cli, here: Here, tmp_path: Path
) -> None:
    record = {"kind": "fact", "scope": "all", "created_at": "2026-01-01T00:00:00+00:00"}
    many = tmp_path / "many.jsonl"
    with many.open("w") as file:
        file.writelines(json.dumps({**record, "id": f"fa-{n:08}", "text": f"fact {n}"}) + "\n" for n in range(150_000))
    with cli.watching():
        kept = cli("memory", "add", RULE, "--json").json
        assert cli("memory", "search", "restart at night", "--json").json["results"][0]["id"] == kept["id"]
        process = subprocess.Popen(
            cli.argv("memory", "import", str(many)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.env()
        )
        database = cli.home / "opsagent.db-wal"
        before = database.stat().st_size
        eventually(lambda: database.stat().st_size > before or process.poll() is not None, timeout=30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert not [line for line in err.splitlines() if not line.startswith(b"importing")], (
            "how far it is, where that is long"
        )
        assert process.returncode in {130, -signal.SIGINT}  # the latter where CPython had hardly begun
        assert here(cli, "forget", kept["id"], "--yes").code == 0, "it serves others again"
    assert here(cli, "stats", "--json").json["records"] == 0
