"""What may not be in the tree: addresses of registries, paths of somebody's machine, things half done."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_HOSTS = (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("deb", "debian", "org"))
_OPTIONS = (("index", "url"), ("find", "links"))
REGISTRY = re.compile("|".join((*map(r"\.".join, _HOSTS), *map("-".join, _OPTIONS), "/".join(("", "simple", "")))))
MACHINE = re.compile(r"(?<![\w.~/-])/(?:work|farm|root|Users)/\w")


def tracked(git: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of each tracked text file."""
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file():
            yield name, path.read_text(encoding="utf-8", errors="replace")


def offenders(git: Path, pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in tracked(git)
        if not name.endswith("test_house_tree.py")
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_the_address_of_a_registry(require: Callable[[str], Path]) -> None:
    assert offenders(require("git"), REGISTRY) == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on(require: Callable[[str], Path]) -> None:
    assert offenders(require("git"), MACHINE) == []
    assert offenders(require("git"), re.compile(r"(?<![\w.~/-])" + re.escape(str(ROOT)) + r"\b")) == []


def test_the_patterns_find_what_they_are_for() -> None:
    assert REGISTRY.search(f"--{'-'.join(_OPTIONS[0])} https://example.test")
    assert REGISTRY.search("https://files." + ".".join(_HOSTS[1]))
    assert MACHINE.search("see /Users/x")
    assert not MACHINE.search("docs/work/x")
