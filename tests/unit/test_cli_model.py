"""`opsagent model`: what is configured, what it cost, how often none was needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opsagent.cli.main import main
from opsagent.home import Home
from opsagent.store.journal import Journal


def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def configure(home: Path, text: str) -> None:
    (Home.open(home).path / "config.toml").write_text(text)


def test_without_a_model_it_says_that_none_is_needed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model"]) == 0
    assert "none is needed" in capsys.readouterr().out
    assert main(["model", "test"]) == 2


def test_it_says_what_is_missing_and_asks_nobody(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPSAGENT_MODELS")  # nobody is asked here
    configure(
        home, '[model]\nname = "openai:a"\nkey_file = "a.key"\nsend = true\nfallback = "ollama:b"\nmonthly_tokens = 5\n'
    )
    assert main(["model", "status", "--json"]) == 0
    found = shown(capsys)
    first, second = found["models"]
    assert (first["key"], first["usable"], second["usable"]) == ("missing", False, True)
    assert "a.key: cannot be read" in first["why"]
    assert (found["month"]["calls"], found["month"]["limit_tokens"], found["without_model"]) == (0, 5, None)


def test_a_key_that_others_may_read_is_none(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPSAGENT_MODELS")  # nobody is asked here
    configure(home, '[model]\nname = "openai:a"\nkey_file = "a.key"\nsend = true\n')
    (home / "model").mkdir(mode=0o700)
    key = home / "model" / "a.key"
    key.touch(mode=0o644)
    key.write_text("sk-1\n")
    key.chmod(0o644)
    main(["model", "--json"])
    assert "chmod 600" in shown(capsys)["models"][0]["why"]
    key.chmod(0o600)
    main(["model", "--json"])
    assert shown(capsys)["models"][0]["usable"]


def test_without_consent_nobody_is_asked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(home, '[model]\nname = "openai:a"\nkey_env = "NOBODYS_KEY"\n')
    main(["model", "--json"])
    assert "until [model] says send = true" in shown(capsys)["models"][0]["why"]
    assert main(["model", "test", "--json"]) == 1
    assert "until [model] says send = true" in shown(capsys)["why"]


def test_what_was_asked_this_month_is_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Journal.open(Home.open(home)) as journal:
        call = journal.begin_model_call(purpose="command", model="openai:a")
        journal.end_model_call(call, ok=True, tokens=(100, 10), cost=0.5, currency="USD", bytes_out=2048)
    assert main(["model"]) == 0
    assert "1 requests, 100 tokens in, 10 out, 0.5000 USD, 2K sent; no limit" in capsys.readouterr().out
