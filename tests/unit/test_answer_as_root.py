"""Root may answer in somebody else's home: as its owner, and under the name of who logged in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534
PROGRAM = """
import sys
import opsagent_tools.peers, sqlalchemy.dialects.sqlite
from opsagent.cli.services import open_home_as_its_owner
from opsagent.cli.store import person, writing
from tests.unit.store.values import plan, step
home = open_home_as_its_owner(sys.argv[1])
with writing(home) as journal:
    journal.record_plan(plan())
    asked = journal.ask(plan(), 0, step(), "b", 60.0, "nobody", 1)
    print(journal.decide_approval(asked, True, person()).decided_by)
home.discard_runtime_dir()
"""


@pytest.fixture
def theirs() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can answer in somebody else's home")
    folder = Path(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir(0o700)
    os.chown(home, NOBODY, NOBODY)
    yield home
    shutil.rmtree(folder)


def test_root_answers_as_the_homes_owner_and_stays_who_it_is(theirs: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(theirs)], capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert done.returncode == 0, done.stderr
    from opsagent_tools.peers import person_of

    assert done.stdout.strip() == person_of(0, os.getpid())
    assert {entry.stat().st_uid for entry in theirs.iterdir()} == {NOBODY}, "nothing of root's is left behind"
