"""Which files belong to a release, which never do, and how much of them is kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from opsagent.releases import contents
from opsagent.releases.manifest import ABSENT, content_of
from opsagent_tools.files import UnsafeFile, sha256_of

UID = os.getuid()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "srv" / "api"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "last_good"
    path.mkdir(mode=0o700)
    return path


def write(root: Path, name: str, text: str = "x") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def take(root: Path, folder: Path, **more: object) -> contents.Contents:
    given = {"entry_script": "", "started": time.time() + 60, "sign": lambda raw: sha256_of(b"key" + raw), **more}
    return contents.take(root, UID, folder, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("app.py", True), ("lib/util.js", True), ("package.json", True), ("package-lock.json", True), ("Procfile", True),
        ("conf/app.yaml", True), ("templates/index.html", True), ("dist/main.js", True), (".next/server/page.js", True),
        ("node_modules/express/index.js", False), ("vendor/lib.php", False), ("logs/app.json", False),
        ("data/users.json", False), ("uploads/shell.php", False), ("db/dump.sql", False), (".git/config.json", False),
        ("__pycache__/app.py", False), ("photo.png", False), ("app.log", False), ("store.sqlite", False),
    ],
)  # fmt: skip
def test_what_is_kept(name: str, kept: bool, root: Path, folder: Path) -> None:
    write(root, name)
    found = take(root, folder)
    assert (name in found.files) is kept
    if kept:
        assert content_of(folder, found.files[name].sha256) == b"x"


@pytest.mark.parametrize(
    "name", [".env", "prod.env", "tls/server.key", "secrets.yaml", "db-credentials.json", ".npmrc"]
)
def test_secrets_are_known_by_reference_only(name: str, root: Path, folder: Path) -> None:
    write(root, name, "PASSWORD=hunter2abc")
    found = take(root, folder)
    assert name in found.secrets
    assert name not in found.files
    assert found.secrets[name] != sha256_of(b"PASSWORD=hunter2abc"), "keyed: it cannot be guessed from its hash"
    assert list(folder.iterdir()) == []


def test_a_secret_that_cannot_be_taken_does_not_keep_the_release_from_being_noted(root: Path, folder: Path) -> None:
    write(root, "app.py")
    write(root, "passwords.txt", "x" * (contents.FILE_LIMIT + 1))
    _second_name(write(root, ".env", "A=1"), root.parent / "shared")
    found = take(root, folder)
    assert set(found.files) == {"app.py"}
    assert found.secrets == {}


@pytest.mark.parametrize("name", [".env.example", "secrets.py", "secret.js"])
def test_what_only_sounds_secret_is_no_secret(name: str) -> None:
    assert not contents.is_secret(name)


def test_a_virtual_environment_is_no_part_of_a_release(root: Path, folder: Path) -> None:
    write(root, "env3/pyvenv.cfg")
    write(root, "env3/lib/thing.py")
    assert take(root, folder).files == {}


def test_what_is_too_much_is_not_kept_and_says_why(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        write(root, f"m{number}.py")
    monkeypatch.setattr(contents, "FILES_LIMIT", 3)
    found = take(root, folder)
    assert found.files == {}
    assert "4 files" in found.left_out
    assert list(folder.iterdir()) == []


def test_one_large_file_is_left_out_alone(root: Path, folder: Path) -> None:
    write(root, "app.py")
    write(root, "bundle.js", "x" * (contents.FILE_LIMIT + 1))
    assert set(take(root, folder).files) == {"app.py"}


def test_configuration_that_changes_while_the_service_runs_is_its_data(root: Path, folder: Path) -> None:
    write(root, "app.py")
    write(root, "state.json")
    started = time.time() - 5
    os.utime(root / "app.py", (started - 100, started - 100))
    found = take(root, folder, started=started)
    assert "state.json" in found.written
    assert "state.json" not in found.files
    later = take(root, folder, written=["state.json"], open_for_writing=["app.json"])
    assert "state.json" not in later.files


def _link(path: Path, aside: Path) -> None:
    path.rename(aside)
    path.symlink_to(aside)


def _second_name(path: Path, aside: Path) -> None:
    aside.hardlink_to(path)


@pytest.mark.parametrize("trick", [_link, _second_name])
def test_links_are_not_kept(trick: Callable[[Path, Path], None], root: Path, folder: Path, tmp_path: Path) -> None:
    trick(write(root, "app.py", "secret of somebody else"), tmp_path / "aside")
    assert take(root, folder).files == {}
    assert not any(path.read_bytes() == b"secret of somebody else" for path in folder.iterdir())


@pytest.mark.skipif(UID != 0, reason="only root can give files to another user")
def test_files_and_folders_of_another_user_are_not_read(root: Path, folder: Path) -> None:
    os.chown(write(root, "theirs.py"), 65534, 65534)
    write(root, "mine.py")
    assert set(take(root, folder).files) == {"mine.py"}
    os.chown(root, 65534, 65534)
    with pytest.raises(UnsafeFile):
        take(root, folder)


def test_what_stands_there_now(root: Path) -> None:
    write(root, "a.py", "a").chmod(0o750)
    found = contents.now(root, UID, ["a.py", "b.py", "no/c.py"])
    assert found["a.py"].mode == 0o750
    assert found["b.py"] == found["no/c.py"] == ABSENT
