"""Where a path leads and what is mounted below, as far as that can be told without asking what may not answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opsagent_tools.host.mounts import below, real


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """`big/shop/app.log`, and ways to it."""
    folder = tmp_path.resolve()
    (folder / "big" / "shop").mkdir(parents=True)
    (folder / "big" / "shop" / "app.log").touch()
    for name, target in {
        "log": "big",
        "absolute": str(folder / "big"),
        "two": "log/../log",
        "app": "big/shop/app.log",
        "circle": "circle",
    }.items():
        (folder / name).symlink_to(target)
    return folder


@pytest.mark.parametrize(
    "way", ["big/shop/app.log", "log/shop/app.log", "absolute/shop/app.log", "two/shop/./app.log", "app", "log/../app"]
)
def test_links_are_followed(tree: Path, way: str) -> None:
    assert real(f"{tree}/{way}") == os.path.realpath(f"{tree}/{way}") == f"{tree}/big/shop/app.log"


def test_what_is_not_there_yet_and_what_leads_nowhere_is_only_a_name(tree: Path) -> None:
    assert real(f"{tree}/log/later/app.log") == f"{tree}/big/later/app.log"
    assert real(f"{tree}/circle/app.log") == f"{tree}/circle/app.log"


def test_nothing_is_asked_of_a_file_system_that_others_answer_for(tree: Path) -> None:
    (tree / "away").symlink_to(f"{tree}/big/shop")
    table, asked = tree / "mountinfo", []
    table.write_text(f"29 27 0:50 / {tree}/big/shop rw,relatime - nfs4 server:/x rw\n")

    def readlink(path: str) -> str:
        asked.append(path)
        return str(Path(path).readlink())

    assert real(f"{tree}/away/app.log", mountinfo=str(table), readlink=readlink) == f"{tree}/big/shop/app.log"
    assert asked
    assert not [path for path in asked if path.startswith(f"{tree}/big/shop")]


def test_file_systems_below_the_folder_of_a_service(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
        "28 27 0:51 / /srv/shop/uploads rw - tmpfs tmpfs rw\n"
        "29 27 0:52 / /srv/shop/far rw - nfs4 server:/x rw\n"
        "30 27 7:1 / /srv/shop/image ro - squashfs /dev/loop1 ro\n"
        "31 27 254:3 / /srv/shop-other rw - xfs /dev/vdc rw\n"
        "32 27 0:22 / /srv/shop/proc rw - proc proc rw\n"
    )
    assert below(Path("/srv/shop"), mountinfo=str(table)) == ("/srv/shop/uploads",)
    assert below(Path("/srv/shop/uploads"), mountinfo=str(table)) == ()
    assert below(Path("/srv"), mountinfo=str(table)) == ()
