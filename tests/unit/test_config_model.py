"""`[model]` in `config.toml`: what may stand in it, and what holds without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.config import ConfigError, parse
from opsagent.model_settings import ModelSettings, OneModel, Priced, host_of


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_without_a_word_nobody_is_asked_and_nothing_leaves(tmp_path: Path) -> None:
    said = parse(written(tmp_path, "")).model
    assert said == ModelSettings()
    assert (said.first, said.send, said.unattended, said.accept) == (None, False, False, "never")


def test_what_is_said_is_what_holds(tmp_path: Path) -> None:
    text = (
        '[model]\nname = "google:gemini"\nkey_file = "g.key"\nsend = true\nhosts = ["Proxy.example:8443"]\n'
        "price = { in = 1, out = 2.5 }\nmonthly_limit = 20\nmonthly_tokens = 1000\ncurrency = 'krw'\n"
        'calls_per_question = 3\ntimeout_s = 10\nunattended = true\naccept = "safe"\n'
        'fallback = { name = "openai:local", base_url = "http://127.0.0.1:8080/v1", price = { in = 0, out = 0 } }\n'
    )
    said = parse(written(tmp_path, text)).model
    assert said.first is not None
    assert said.first.provider == "google_genai"
    assert said.first.reached == ("generativelanguage.googleapis.com:443", "proxy.example:8443")
    assert said.first.price == Priced(tokens_in=1.0, tokens_out=2.5)
    assert said.first.needs_key
    assert said.fallback is not None
    assert (said.fallback.reached, said.fallback.leaves, said.fallback.needs_key) == (("127.0.0.1:8080",), False, False)
    assert (said.monthly_limit, said.monthly_tokens, said.currency) == (20.0, 1000, "KRW")
    assert (said.calls_per_question, said.timeout_s, said.unattended, said.accept) == (3, 10.0, True, "safe")


def test_a_fallback_may_be_a_name_alone(tmp_path: Path) -> None:
    said = parse(written(tmp_path, '[model]\nname = "openai:a"\nfallback = "ollama:b"\n')).model
    assert said.fallback == OneModel(name="ollama:b")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ('name = "openai:a"\nkey = "sk-1"', "model.key", "a key is a secret"),
        ('name = "openai:a"\nfallback = { name = "openai:b", api_key = "sk-1" }', "model.fallback.api_key", "a secret"),
        ('name = "openai"', "model.name", "names no model"),
        ('name = "acme:a"', "model.name", "is no provider"),
        ("send = true", "model", "names no model"),
        ('name = "openai:a"\nnme = 1', "model.nme", "unknown key"),
        ('name = "openai:a"\nbase_url = "ftp://x"', "model.base_url", ""),
        ('name = "openai:a"\nbase_url = "https://me:secret@x/v1"', "model.base_url", "is a secret"),
        ('name = "openai:a"\nprice = { in = 1 }', "model.price", "a million tokens"),
        ('name = "openai:a"\nprice = { in = -1, out = 0 }', "model.price", "0 or more"),
        ('name = "openai:a"\nmonthly_limit = 5', "model.monthly_limit", "nothing says what openai:a costs"),
        ('name = "openai:a"\nkey_file = "a"\nkey_env = "B"', "model", "key_file and key_env"),
        ('name = "openai:a"\naccept = "all"', "model.accept", "not known"),
        ('name = "openai:a"\ncurrency = "$"', "model.currency", "no currency"),
        ('name = "openai:a"\nfallback = { base_url = "http://127.0.0.1/" }', "model.fallback", "names no model"),
    ],
)
def test_a_slip_is_one_line_with_its_place(tmp_path: Path, text: str, place: str, said: str) -> None:
    with pytest.raises(ConfigError) as slip:
        parse(written(tmp_path, f"[model]\n{text}\n"))
    assert place in str(slip.value)
    assert said in str(slip.value)
    assert "sk-1" not in str(slip.value)
    assert "\n" not in str(slip.value)


def test_where_a_server_is_is_told_with_its_port() -> None:
    assert host_of("https://models.example/v1") == "models.example:443"
    assert host_of("http://[::1]:8080/v1") == "[::1]:8080"
    assert not OneModel(name="openai:a", base_url="http://[::1]:8080/v1").leaves
    assert OneModel(name="openai:a", base_url="http://10.0.0.3:8080/v1").leaves
