"""A supervisor that can run nothing beside what it runs: one process at a time, and what it cannot do is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.living import BAD, GOOD
from tests.support.shop import Shop
from tests.support.supervisord import Supervisord

PROGRAM = """
[program:api]
command={python} -SE {app}
directory={folder}
numprocs=2
process_name=%(program_name)s_%(process_num)02d
startsecs=0
autorestart=true
"""


@pytest.fixture
def shop(home: Path, runtime_root: Path, free_port: int) -> Iterator[Shop]:
    """Two processes of `api` that handle no signal and serve no port."""
    found = Shop(home, runtime_root / "app.py", free_port)
    found.app.write_text(GOOD)
    daemon = Supervisord(runtime_root, PROGRAM.format(python=sys.executable, app=found.app, folder=runtime_root))
    config = f'[policy]\ncanary_s = 0.3\n[supervisors]\ndiscover = false\nsupervisord = [{{ address = "{daemon.address}" }}]\n'
    (home / "config.toml").write_text(config)
    daemon.start()
    daemon.settle()
    yield found
    daemon.end()


def test_one_at_a_time_and_never_a_second_one_into_a_release_that_cannot_start(shop: Shop) -> None:
    before = shop.pids()
    said = shop.opsagent("do", "reload api safely")
    assert said.code == 0, said
    assert said.preflight("instances").startswith(
        "warn instances: nothing can stand beside them: one of 2 is down at a time while 1 serves"
    )
    after = shop.pids()
    assert len(after) == 2
    assert not before & after
    shop.app.write_text(BAD)
    broken = shop.opsagent("do", "reload api safely")
    assert broken.code == 1
    assert "Error: this release needs what is not there" in broken.last
    assert "1 of 2 go on serving" in broken.last
    assert len(after & shop.pids()) == 1, "the other one was not touched"
    assert [one["fault"] for one in shop.incidents()] == ["bad_release"]


def test_what_it_cannot_do_is_refused_with_the_way_to_do_it(shop: Shop) -> None:
    before = shop.pids()
    for text in ("scale api to 1", "scale api to 3"):
        said = shop.opsagent("do", text, "--yes")
        assert said.code == 4, said
        assert (
            "supervisord takes the number of api's processes from its configuration: change `numprocs=2`" in said.last
        )
        assert "(rule: not supported)" in said.last
    assert shop.pids() == before
