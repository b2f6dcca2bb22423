"""Where the home is, whom it refuses, and the private folder for sockets."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from opsagent.home import Home, HomeError, refuse_shared

pytestmark = pytest.mark.usefixtures("runtime_root")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_is_made_private_with_all_its_folders(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "a" / "b")
    for folder in (home.path, home.path.parent, home.chroma_dir, home.engine_dir, home.logs_dir, home.last_good_dir):
        assert _mode(folder) == 0o700
    assert home.database.parent == home.path
    assert not home.database.exists()


def test_an_argument_goes_before_the_environment_and_that_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("OPSAGENT_HOME", raising=False)
    if sys.platform == "linux":
        assert Home.open().path == (tmp_path / "state" / "opsagent").resolve()
    monkeypatch.setenv("OPSAGENT_HOME", str(tmp_path / "env"))
    assert Home.open().path == (tmp_path / "env").resolve()
    assert Home.open(tmp_path / "given").path == (tmp_path / "given").resolve()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG folders are Linux's")
def test_a_relative_state_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("OPSAGENT_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert Home.open().path == tmp_path.resolve() / ".local" / "state" / "opsagent"


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_home_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(mode)
    with pytest.raises(HomeError, match=r"others may write.*chmod 700"):
        Home.open(tmp_path / "home")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_home_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    os.chown(tmp_path / "home", 12345, 12345)
    with pytest.raises(HomeError, match=r"belongs to user 12345.*--home DIR"):
        Home.open(tmp_path / "home")


def _refusals(tmp_path: Path) -> list[Path]:
    file = tmp_path / "file"
    file.write_text("")
    dangling = tmp_path / "link"
    dangling.symlink_to(tmp_path / "nowhere" / "deeper")
    return [file, file / "below", Path("/proc/nothing-can-be-made-here")]


def test_a_home_that_cannot_be_used_is_one_line_with_a_mend(tmp_path: Path) -> None:
    for path in _refusals(tmp_path):
        with pytest.raises(HomeError) as refused:
            Home.open(path)
        text = str(refused.value)
        assert str(path) in text
        assert "--home DIR" in text
        assert "\n" not in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o500)
    with pytest.raises(HomeError, match="no right to write there"):
        Home.open(tmp_path / "home")


def test_the_socket_folder_is_short_private_and_the_same_for_all_environments(
    tmp_path: Path, runtime_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Home.open(tmp_path / "home")
    assert first.runtime_dir.parent == runtime_root
    assert _mode(first.runtime_dir) == 0o700
    assert len(os.fsencode(first.api_socket)) < 107
    monkeypatch.delenv("XDG_RUNTIME_DIR")  # as at boot
    assert Home.open(tmp_path / "home").runtime_dir == first.runtime_dir


def test_without_a_runtime_folder_it_is_in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    home = Home.open(tmp_path / "home")
    try:
        assert home.runtime_dir.parent == Path("/tmp")
        assert home.runtime_dir.name.startswith(f"opsagent-{os.geteuid()}-")
    finally:
        home.discard_runtime_dir()
    assert not home.runtime_dir.exists()


def test_a_runtime_folder_that_is_too_long_or_shared_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime_root: Path
) -> None:
    long = runtime_root / ("x" * 90)
    long.mkdir(mode=0o700)
    shared = runtime_root / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    for number, folder in enumerate((long, shared)):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        home = Home.open(tmp_path / f"home{number}")
        assert home.runtime_dir.parent == Path("/tmp")
        home.discard_runtime_dir()


def test_a_link_in_the_place_of_the_socket_folder_is_not_followed(
    tmp_path: Path, runtime_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.open(tmp_path / "home")
    home.discard_runtime_dir()
    trap = tmp_path / "trap"
    trap.mkdir()
    home.runtime_dir.symlink_to(trap)
    again = Home.open(tmp_path / "home")
    try:
        assert again.runtime_dir != home.runtime_dir
        assert list(trap.iterdir()) == []
    finally:
        again.discard_runtime_dir()
    assert runtime_root.is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_socket_folder_of_another_user_is_not_used(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    os.chown(home.runtime_dir, 12345, 12345)
    again = Home.open(tmp_path / "home")
    assert again.runtime_dir != home.runtime_dir
    again.discard_runtime_dir()


def test_a_copied_home_has_a_socket_folder_of_its_own(tmp_path: Path) -> None:
    original = Home.open(tmp_path / "one")
    (tmp_path / "two").mkdir(mode=0o700)
    (tmp_path / "two" / "runtime").write_text((tmp_path / "one" / "runtime").read_text())
    assert Home.open(tmp_path / "two").runtime_dir != original.runtime_dir


def test_what_decides_about_actions_must_not_be_writable_by_others(tmp_path: Path) -> None:
    file = tmp_path / "a b.toml"
    file.write_text("")
    file.chmod(0o600)
    refuse_shared(file, "configuration")
    file.chmod(0o620)
    with pytest.raises(HomeError, match=r"others may write to this configuration: `chmod go-w '.*a b.toml'`"):
        refuse_shared(file, "configuration")
    if os.geteuid() == 0:
        file.chmod(0o600)
        os.chown(file, 12345, 12345)
        with pytest.raises(HomeError, match="belongs to user 12345"):
            refuse_shared(file, "configuration")


def test_looking_at_the_home_loads_nothing_heavy() -> None:
    program = (
        "import sys, opsagent.home, opsagent.config, opsagent.api.client\n"
        "heavy = {'sqlalchemy', 'alembic', 'chromadb', 'numpy', 'langchain', 'psutil', 'opsagent.model', 'tomllib'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
