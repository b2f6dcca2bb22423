"""Commands that keep the agent's home, bring it back and take it away: backup, restore, startup, uninstall."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from tests.acceptance.conftest import Cli, write_services

PLAIN = '[services.a]\ncommand = "sleep 999"\n'


def up(cli: Cli, folder: Path) -> None:
    (folder / "services.toml").write_text(PLAIN)
    assert cli("up", str(folder / "services.toml")).code == 0


def test_a_backup_brings_back_journal_services_and_configuration(cli: Cli, tmp_path: Path) -> None:
    up(cli, tmp_path)
    assert cli("hold", "a", "--for", "2h", "--why", "migration").code == 0
    (cli.home / "config.toml").write_text('mode = "observe"\n')
    kept = tmp_path / "kept.tar.gz"

    with cli.watching():  # while everything is in use
        made = cli("backup", str(kept), "--json")
    assert made.code == 0, made
    assert made.json["skipped"] == []
    assert kept.stat().st_mode & 0o777 == 0o600

    cli("release", "a")
    (cli.home / "config.toml").unlink()
    assert "opsagent down" in cli("restore", str(kept)).error
    cli("down")
    restored = cli("restore", str(kept), "--json")

    assert restored.code == 0, restored
    assert Path(restored.json["kept"], "opsagent.db").is_file()
    assert (cli.home / "config.toml").read_text() == 'mode = "observe"\n'
    (unit,) = cli("ps", "--json").json["units"]
    assert unit["name"] == "a"
    with cli.watching():
        (unit,) = cli("ps", "--json").json["units"]
        assert unit["hold"] == "migration"


def test_a_backup_never_replaces_a_file_unasked_and_never_lies_in_the_home(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "kept.tar.gz"
    target.write_text("precious")
    assert "--force" in cli("backup", str(target)).error
    assert target.read_text() == "precious"
    assert cli("backup", str(target), "--force").code == 0
    assert "home itself" in cli("backup", str(cli.home / "b.tar.gz")).error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_backup_that_cannot_be_written_says_so_and_leaves_nothing(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "missing" / "deep"
    failed = cli("backup", str(folder / "b.tar.gz"))
    assert failed.code == 1
    assert "no backup was made" in failed.error
    assert list(tmp_path.iterdir()) == []


def archive(path: Path, members: dict[str, bytes], *, links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            made.addfile(member)
    return path


MANIFEST = json.dumps({"format": 1, "files": {}}).encode()


def test_what_is_no_backup_of_ours_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    up(cli, tmp_path)
    cli("backup", str(tmp_path / "good.tar.gz"))
    cli("down")
    good = (tmp_path / "good.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(good[: len(good) // 2])
    (tmp_path / "noise.tar.gz").write_bytes(gzip.compress(os.urandom(4000)))
    before = sorted(entry.name for entry in cli.home.iterdir() if entry.name != "owner.lock")
    bad = [
        tmp_path / "cut.tar.gz",
        tmp_path / "noise.tar.gz",
        archive(tmp_path / "out.tar.gz", {"home/../../evil": b"x", "manifest.json": MANIFEST}),
        archive(tmp_path / "abs.tar.gz", {"/etc/evil": b"x", "manifest.json": MANIFEST}),
        archive(tmp_path / "link.tar.gz", {"manifest.json": MANIFEST}, links={"home/x": "/etc/shadow"}),
        archive(tmp_path / "none.tar.gz", {"home/opsagent.db": b"x"}),
        archive(tmp_path / "more.tar.gz", {"home/opsagent.db": b"x", "manifest.json": MANIFEST}),
        archive(tmp_path / "newer.tar.gz", {"manifest.json": b'{"format": 99, "files": {}}'}),
    ]
    for path in bad:
        refused = cli("restore", str(path))
        assert (refused.code, bool(refused.error)) == (1, True), path
    assert cli("restore", str(tmp_path / "nowhere")).code == 2
    # Who looks whether the home is in use leaves the file by which that is known.
    assert sorted(entry.name for entry in cli.home.iterdir() if entry.name != "owner.lock") == before
    assert not (tmp_path.parent / "evil").exists()
    assert [entry.name for entry in cli.home.parent.iterdir() if "restor" in entry.name] == []


def test_startup_shows_what_it_would_write(cli: Cli) -> None:
    shown = cli("startup", "--print", "--json")
    assert shown.code == 0, shown
    texts = [file["text"] for file in shown.json["files"]]
    assert len(texts) == 2
    assert all(str(cli.home) in text for text in texts)


def test_uninstall_asks_and_leaves_the_services_running(cli: Cli, tmp_path: Path) -> None:
    up(cli, tmp_path)
    pid = cli.units()["a"]["processes"][0]["pid"]
    refused = cli("uninstall")
    assert (refused.code, (cli.home / "opsagent.db").exists() or (cli.home / "engine").exists()) == (3, True)
    assert "--yes" in refused.err

    with cli.watching():
        done = cli("uninstall", "--yes", "--json")
        assert done.code == 0, done
    assert Path(f"/proc/{pid}").exists()
    assert cli.units()["a"]["processes"][0]["pid"] == pid
    assert not (cli.home / "opsagent.db").exists()

    assert cli("uninstall", "--yes", "--stop-services").code == 0
    assert not Path(f"/proc/{pid}").exists()
    assert not cli.home.exists()


def test_uninstall_of_a_folder_that_is_more_than_a_home_is_refused(cli: Cli) -> None:
    cli("ps")
    (cli.home / "thesis.tex").write_text("years of work")
    refused = cli("uninstall", "--yes")
    assert (refused.code, "thesis.tex" in refused.error) == (2, True)
    assert (cli.home / "thesis.tex").exists()


def test_a_home_that_services_write_to_is_packed_all_the_same(cli: Cli, tmp_path: Path) -> None:
    assert cli("up", str(write_services(tmp_path))).code == 0
    for number in range(3):
        made = cli("backup", str(tmp_path / f"{number}.tar.gz"), "--json")
        assert made.code == 0, made
        assert made.json["files"] >= 3
