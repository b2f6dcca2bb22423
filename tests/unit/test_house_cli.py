"""The command line as a house: one file per command, each with help, none of them heavy to look at."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from opsagent.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "alembic",
    "chromadb",
    "httpx",
    "langchain",
    "langchain_core",
    "langgraph",
    "numpy",
    "onnxruntime",
    "pyautogui",
}
HEAVY |= {"sqlalchemy", "tokenizers", "circus.arbiter", "tornado"}


_EACH_HELP = """
import sys
from opsagent.cli.main import main
for name in sys.argv[1:]:
    print(f"== {name}", file=sys.stderr, flush=True)
    if main([name, "--help"]) != 0:
        sys.exit(f"{name} --help failed")
"""


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return traced("-m", "opsagent", *arguments, home=home)


def traced(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "importtime", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=home)


def heavy_in(trace: str) -> set[str]:
    return HEAVY & set(re.findall(r"\|\s+([\w.]+)$", trace, re.MULTILINE))


def test_each_command_has_one_file_of_its_own() -> None:
    assert len(set(COMMANDS.values())) == len(COMMANDS)
    missing = [name for name in COMMANDS.values() if not (ROOT / "opsagent/cli" / f"{name}.py").is_file()]
    assert missing == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_it_does(name: str) -> None:
    module = importlib.import_module(f"opsagent.cli.{COMMANDS[name]}")
    assert (module.__doc__ or "").startswith(f"`opsagent {name}")
    assert hasattr(module, "app") or module.command.__doc__


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["ps"], ["ps", "--json"], ["no-such-command"]])
def test_looking_loads_nothing_heavy(arguments: list[str], home: Path) -> None:
    assert heavy_in(run(*arguments, home=home).stderr) == set()


def test_help_of_every_command_loads_nothing_heavy(home: Path) -> None:
    shown = traced("-c", _EACH_HELP, *COMMANDS, home=home)
    assert shown.returncode == 0, shown.stderr.splitlines()[-1]
    _, *told = re.split(r"^== (\S+)$", shown.stderr, flags=re.MULTILINE)
    loaded = {name: heavy_in(trace) for name, trace in zip(told[::2], told[1::2], strict=True)}
    assert loaded.keys() == COMMANDS.keys()
    assert {name: heavy for name, heavy in loaded.items() if heavy} == {}


def test_the_trace_would_show_what_is_heavy(home: Path) -> None:
    trace = traced("-c", "import sqlalchemy", home=home).stderr
    assert heavy_in(trace) == {"sqlalchemy"}


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    assert [name for name in COMMANDS if f"`opsagent {name}" not in page] == []
