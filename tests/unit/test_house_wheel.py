"""The wheel carries everything that is in the tree: modules, scenario folders, migrations, type markers."""

from __future__ import annotations

import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("opsagent", "memory/opsagent_memory", "tools/opsagent_tools", "evals/opsagent_evals")


def in_tree() -> dict[str, Path]:
    """Return each file that belongs to the product, by the name that it has inside the wheel."""
    found = {}
    for package in PACKAGES:
        top = (ROOT / package).parent
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found[path.relative_to(top).as_posix()] = path
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_holds_every_file_of_the_four_packages(wheel: zipfile.ZipFile) -> None:
    assert sorted(set(in_tree()) - set(wheel.namelist())) == []


def test_the_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    extra = {name for name in wheel.namelist() if ".dist-info/" not in name} - set(in_tree())
    assert sorted(extra) == []


def test_what_is_executable_in_the_tree_stays_so(wheel: zipfile.ZipFile) -> None:
    executable = {name for name, path in in_tree().items() if path.stat().st_mode & stat.S_IXUSR}
    lost = {name for name in executable if not (wheel.getinfo(name).external_attr >> 16) & stat.S_IXUSR}
    assert sorted(lost) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_says_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_every_folder_with_modules_is_a_package() -> None:
    scripts = {"scenarios", "versions", "migrations"}  # scenario programs and Alembic's own files are loaded by path
    bare = {
        path.parent.relative_to(ROOT).as_posix()
        for path in in_tree().values()
        if path.suffix == ".py" and not (path.parent / "__init__.py").exists() and not scripts & set(path.parts)
    }
    assert sorted(bare) == []
