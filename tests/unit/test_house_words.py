"""Words and documents agree with the code: glossary, list of actions, keys, docstrings, version, links."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

import opsagent
from opsagent.commands.reader import read as read_command
from opsagent.config import parse as parse_config
from opsagent.evidence import PROBES
from opsagent.model import Fault
from opsagent_tools.actions import ActionName
from opsagent_tools.registry import CHANGING, PROCEDURES
from opsagent_tools.services.toml import HEALTH_KEYS, SERVICE_KEYS, load_services
from opsagent_tools.units import Unit, UnitId, UnitState

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PACKAGES = ("opsagent", "memory/opsagent_memory", "tools/opsagent_tools", "evals/opsagent_evals")


def modules() -> Iterator[Path]:
    """Yield the product's modules; scenario programs and migration scripts are no modules of ours to import."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not {"scenarios", "versions", "__pycache__"} & set(path.relative_to(ROOT).parts):
                yield path


def rows(page: str) -> Iterator[list[str]]:
    """Yield the cells of each table row of a page."""
    for line in (DOCS / page).read_text().splitlines():
        if line.startswith("| ") and not line.startswith("| word "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def dotted_names() -> list[str]:
    return sorted(set(re.findall(r"`(opsagent\w*(?:\.\w+)+)`", (DOCS / "glossary.md").read_text())))


@pytest.mark.parametrize("name", dotted_names())
def test_the_glossary_names_what_there_is(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute)


def test_every_action_is_documented() -> None:
    listed = {cells[0].strip("`"): cells for cells in rows("actions.md") if cells[0].startswith("`")}
    assert set(listed) == set(ActionName)


def test_the_page_of_actions_tells_the_effect_and_what_can_be_done_today() -> None:
    for name, effect, *_, state in (cells for cells in rows("actions.md") if cells[0].startswith("`")):
        tool = CHANGING.get(name.strip("`")) or PROCEDURES.get(name.strip("`"))
        assert ("**now**" in state) == (tool is not None), name
        assert tool is None or effect.replace(" ", "_") == tool.effect, name


def test_every_key_of_services_toml_is_documented() -> None:
    listed = [cells[0].strip("`") for cells in rows("services-toml.md") if cells[0].startswith("`")]
    assert [key for key in listed if key in SERVICE_KEYS] == list(SERVICE_KEYS)
    page = (DOCS / "services-toml.md").read_text()
    assert [key for key in HEALTH_KEYS if key not in page] == []


def test_public_things_say_what_they_are() -> None:
    assert [complaint for path in modules() for complaint in _silent(path)] == []


def _silent(path: Path) -> Iterator[str]:
    name, tree = path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())
    if tree.body and not ast.get_docstring(tree):
        yield name
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            public = not node.name.startswith("_") and node.name not in _SAY_ENOUGH
            if public and not ast.get_docstring(node):
                yield f"{name}: {node.name}"


_SAY_ENOUGH = {"EventKind", "SignalKind", "SupervisorEvent"}
"""Vocabulary whose members carry the words."""


def test_every_page_that_is_named_exists(require: Callable[[str], Path]) -> None:
    listed = subprocess.run(
        [require("git"), "ls-files", "-z", "--", "*.py", "*.md", "*.toml", "Makefile"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    missing = {
        f"{name}: {page}"
        for name in filter(None, listed.split("\0"))
        if (ROOT / name).is_file()
        for page in re.findall(r"docs/[\w/-]+\.md", (ROOT / name).read_text(errors="replace"))
        if not (ROOT / page).is_file()
    }
    assert sorted(missing) == []


def _test_files() -> Iterator[Path]:
    """Yield every file that tests are run from; those of the box run inside of it."""
    yield from (ROOT / "tests").rglob("test_*.py")
    yield from (ROOT / "tests/contract/systemd_box").glob("*.py")


def test_every_test_and_scenario_that_holds_a_rule_exists() -> None:
    page = (DOCS / "security.md").read_text()
    tests = "\n".join(path.read_text() for path in _test_files())
    scenarios = {path.name for path in (ROOT / "evals/opsagent_evals/faults/scenarios").iterdir()}
    named = re.findall(r"`(test_\w+)`", page)
    assert [name for name in named if f"def {name}(" not in tests] == []
    assert set(re.findall(r"`(\d\d_\w+)`", page)) <= scenarios


def test_every_probe_and_every_fault_is_documented() -> None:
    listed = {cells[0].strip("`"): cells for cells in rows("how-it-decides.md") if cells[0].startswith("`")}
    assert set(listed) == {*PROBES, *Fault}


def test_the_examples_of_services_and_configuration_are_read_as_they_stand(tmp_path: Path) -> None:
    for page, read in (("services-toml.md", load_services), ("config.md", parse_config)):
        (example,) = re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
        file = tmp_path / f"{page}.toml"
        file.write_text(example)
        read(file)


def test_the_examples_of_commands_are_understood_and_the_doubtful_ones_are_not() -> None:
    units = [Unit(id=UnitId("circus", name, "host"), state=UnitState.RUNNING) for name in _UNITS_IN_EXAMPLES]
    understood = [example for cells in rows("commands.md") for example in re.findall(r"`([^`]+)`", " ".join(cells[1:]))]
    commands = [text for text in understood if not text.startswith("-")]  # options are none
    assert [text for text in commands if read_command(text, units).ask is not None] == []
    (line,) = re.findall(r"^Asked back: (.*)", (DOCS / "commands.md").read_text(), re.MULTILINE)
    doubtful = re.findall(r"`([^`]+)`", line)
    assert doubtful
    assert [text for text in doubtful if read_command(text, units).ask is None] == []


_UNITS_IN_EXAMPLES = ("api", "gateway", "worker", "web", "redis", "billing")


def test_the_version_is_the_same_everywhere() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert opsagent.__version__ == declared == metadata.version("opsagent")
    assert f"## {declared}" in (ROOT / "CHANGELOG.md").read_text()
