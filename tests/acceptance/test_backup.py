"""`backup` and `restore`: the whole home in one private file and back, or nothing touched and one line that says why."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Cli

JOB = '[services.job]\ncommand = ["sleep", "4716"]\n'
CONFIG = "[services.job]\nprotected = true\n"


@pytest.fixture
def filled(cli: Cli, write: Callable[[str], str]) -> Cli:
    """A home with a service, a configuration and a hold; its engine is down."""
    assert cli("up", write(JOB)).code == 0
    assert cli("hold", "job", "--for", "2h", "--why", "migration").code == 0
    return _written(cli)


@pytest.fixture
def plain(cli: Cli) -> Cli:
    """A home where nothing ever ran."""
    assert cli("ps").code == 0
    return _written(cli)


def _written(cli: Cli) -> Cli:
    cli.home.joinpath("config.toml").write_text(CONFIG)
    cli.home.joinpath("config.toml").chmod(0o600)
    cli.home.joinpath("logs", "watch.log").write_text("a line\n")
    return cli


@pytest.fixture
def full(require: Callable[[str], Path], tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk with hardly any room."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a small disk is mounted")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run([require("mount"), "-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run([require("umount"), folder], check=True)


def content(home: Path) -> dict[str, bytes]:
    """Every file of a home that a backup holds, but logs that somebody writes and what is of the moment."""
    found = {str(path.relative_to(home)): path for path in home.rglob("*") if path.is_file()}
    passing = ("owner.lock", "runtime", "engine/circusd", "engine/start.lock", "engine/processes.json", "claims")
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if not name.startswith(passing) and not name.startswith("opsagent.db") and "circusd" not in name
    }


def test_all_that_is_known_comes_back_in_another_place(filled: Cli, tmp_path: Path) -> None:
    archive = tmp_path / "home.tar.gz"
    made = filled("backup", str(archive), "--json").json
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert made["skipped"] == []
    before = content(filled.home)
    assert filled("down").code == 0

    other = Cli(tmp_path / "other")
    back = other("restore", str(archive), "--json").json
    assert (back["home"], back["kept"]) == (str(other.home), None)
    after = content(other.home)
    assert after.keys() == before.keys()
    assert after["config.toml"] == before["config.toml"]
    assert after["logs/watch.log"] == before["logs/watch.log"]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in other.home.rglob("*") if path.is_file()}
    assert modes == {0o600}
    (job,) = other("ps", "--json").json["units"]
    assert (job["name"], job["state"]) == ("job", "down")
    released = other("release", "job")
    assert released.code == 0, released
    from opsagent.home import Home

    Home.open(other.home).discard_runtime_dir()


def test_what_was_there_before_is_kept_beside_it(filled: Cli, tmp_path: Path) -> None:
    archive = tmp_path / "home.tar.gz"
    assert filled("backup", str(archive)).code == 0
    refused = filled("restore", str(archive))
    assert refused.code == 1
    assert "opsagent down" in refused.error
    assert filled("down").code == 0
    filled.home.joinpath("config.toml").write_text("")
    kept = Path(filled("restore", str(archive), "--json").json["kept"])
    assert filled.home.joinpath("config.toml").read_text() == CONFIG
    assert kept.joinpath("config.toml").read_text() == ""


def test_a_folder_with_something_else_in_it_is_not_taken_for_a_home(plain: Cli, tmp_path: Path) -> None:
    archive = tmp_path / "home.tar.gz"
    assert plain("backup", str(archive)).code == 0
    thesis = tmp_path / "documents" / "thesis.txt"
    thesis.parent.mkdir(mode=0o700)
    thesis.write_text("years of work")
    for command in (["restore", str(archive)], ["uninstall", "--yes"]):
        result = plain(*command, "--home", str(thesis.parent))
        assert result.code == 2
        assert "thesis.txt" in result.error
    assert [path.name for path in thesis.parent.iterdir()] == ["thesis.txt"]
    assert thesis.read_text() == "years of work"


def _cut(archive: Path) -> None:
    os.truncate(archive, archive.stat().st_size // 2)


def _other_content(archive: Path) -> None:
    with tarfile.open(archive) as source:
        files = {member: source.extractfile(member).read() for member in source.getmembers()}  # type: ignore[union-attr]
    with tarfile.open(archive, "w:gz") as target:
        for member, raw in files.items():
            changed = raw.replace(b"protected", b"protectee")
            target.addfile(member, io.BytesIO(changed))


def _way_out(archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as target:
        member = tarfile.TarInfo("home/../../../etc/cron.d/evil")
        target.addfile(member, io.BytesIO(b""))


def _link(archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as target:
        member = tarfile.TarInfo("home/config.toml")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/shadow"
        target.addfile(member)


def _manifest_of_nothing(archive: Path) -> None:
    _made_up(archive, b'{"format": 1, "files": {"home/config.toml": {}}}')


def _endless_manifest(archive: Path) -> None:
    _made_up(archive, b"[" * 100_000)


def _end_of_time(archive: Path) -> None:
    _made_up(archive, b"{}", mtime=10**20)


def _lock(archive: Path) -> None:
    _made_up(archive, b"{}", name="home/owner.lock")


def _made_up(archive: Path, manifest: bytes, *, name: str = "home/config.toml", mtime: int = 0) -> None:
    with tarfile.open(archive, "w:gz", format=tarfile.GNU_FORMAT) as target:
        for member, raw in ((tarfile.TarInfo(name), b"x"), (tarfile.TarInfo("manifest.json"), manifest)):
            member.size, member.mtime = len(raw), mtime
            target.addfile(member, io.BytesIO(raw))


@pytest.mark.parametrize(
    "damage",
    [_cut, _other_content, _way_out, _link, _manifest_of_nothing, _endless_manifest, _end_of_time, _lock],
)
def test_a_damaged_or_made_up_backup_changes_nothing(
    plain: Cli, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    archive = tmp_path / "home.tar.gz"
    assert plain("backup", str(archive)).code == 0
    damage(archive)
    before = content(plain.home)
    result = plain("restore", str(archive))
    assert result.code == 1
    assert str(archive) in result.error
    assert "unexpected" not in result.error
    assert content(plain.home) == before
    assert [path.name for path in plain.home.parent.iterdir()] == ["home"]


def test_a_link_in_the_home_is_not_left_out_in_silence(plain: Cli, tmp_path: Path) -> None:
    elsewhere = tmp_path / "dotfiles.toml"
    plain.home.joinpath("config.toml").rename(elsewhere)
    plain.home.joinpath("config.toml").symlink_to(elsewhere)
    (left_out,) = plain("backup", str(tmp_path / "home.tar.gz"), "--json").json["skipped"]
    assert left_out.startswith(f"config.toml: a link to {elsewhere}")


def test_a_home_that_is_a_disk_of_its_own_says_so(plain: Cli, full: Path, tmp_path: Path) -> None:
    archive = tmp_path / "home.tar.gz"
    assert plain("backup", str(archive)).code == 0
    result = plain("restore", str(archive), "--home", str(full))
    assert result.code == 1
    assert "file system of its own" in result.error
    assert plain("uninstall", "--yes", "--home", str(full)).code == 0
    assert list(full.iterdir()) == []


def test_a_home_on_a_full_disk_keeps_its_configuration_and_says_why(plain: Cli, full: Path) -> None:
    assert plain("ps", "--home", str(full)).code == 0
    config = full / "config.toml"
    config.write_text(CONFIG)
    config.chmod(0o600)
    with (full / "fill").open("wb") as file, contextlib.suppress(OSError):
        file.write(b"x" * 100_000)
    result = plain("init", "--force", "--home", str(full))
    assert result.code == 1
    assert "free some space" in result.error
    assert config.read_text() == CONFIG


def test_an_uninstall_that_nobody_agreed_to_still_answers_in_json(plain: Cli) -> None:
    refused = plain("uninstall", "--json")
    assert refused.code == 3
    assert refused.json["done"] == []


def test_a_full_disk_is_said_and_leaves_nothing_half_done(plain: Cli, full: Path, tmp_path: Path) -> None:
    plain.home.joinpath("logs", "watch.log").write_bytes(os.urandom(200_000))
    result = plain("backup", str(full / "home.tar.gz"))
    assert result.code == 1
    assert "free some space" in result.error
    assert list(full.iterdir()) == []

    archive = tmp_path / "home.tar.gz"
    assert plain("backup", str(archive)).code == 0
    result = plain("restore", str(archive), "--home", str(full / "home"))
    assert result.code == 1
    assert "free some space" in result.error
    assert not (full / "home" / "config.toml").exists()
    assert {path.name for path in full.iterdir()} == {"home"}
