"""requirements.lock: everything pinned and hashed, nothing that says where to download it from."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
ENTRIES = [entry for entry in LOCK.replace("\\\n", " ").splitlines() if entry.strip() and not entry.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins() -> list[Requirement]:
    return [Requirement(entry.split(" --hash")[0]) for entry in ENTRIES]


def pinned_here() -> dict[str, str]:
    """Return version by name, for this platform and Python."""
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins()
        if pin.marker is None or pin.marker.evaluate()
    }


def wanted() -> list[Requirement]:
    return [Requirement(line) for line in [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]]


def test_it_carries_no_address_and_no_option() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*-(?!-hash=sha256:[0-9a-f]{64})", LOCK, re.MULTILINE)


def test_everything_is_pinned_and_hashed() -> None:
    loose = [entry[:60] for entry in ENTRIES if "==" not in entry or "--hash=sha256:" not in entry]
    assert loose == []


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_it_holds_what_the_project_asks_for(requirement: Requirement) -> None:
    version = pinned_here().get(canonicalize_name(requirement.name))
    assert version is not None, f"{requirement.name} is not in requirements.lock: make lock"
    assert requirement.specifier.contains(version, prereleases=True)


def test_it_holds_what_those_need_in_turn() -> None:
    pinned, missing, seen = pinned_here(), set(), set()
    queue = [(canonicalize_name(need.name), frozenset(need.extras)) for need in wanted()]
    while queue:
        name, extras = queue.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        if name not in pinned:
            missing.add(name)
            continue
        for line in metadata.requires(name) or ():
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                queue.append((canonicalize_name(need.name), frozenset(need.extras)))
    assert sorted(missing) == []
