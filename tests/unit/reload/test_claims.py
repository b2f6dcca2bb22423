"""One change of a unit at a time, across processes; a claim goes with its process, however it goes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from opsagent.claims import Claimed, Claims
from opsagent_tools.units import UnitId
from tests.support.waiting import eventually

API, WEB = UnitId("fake", "api", "box"), UnitId("fake", "web", "box")
HOLD = """
import sys, time
from pathlib import Path
from opsagent.claims import Claims
from opsagent_tools.units import UnitId
with Claims(Path(sys.argv[1])).of(UnitId("fake", "api", "box"), "other", "reload of api"):
    print("held", flush=True)
    time.sleep(1000)
"""


def test_one_at_a_time_and_only_of_the_same_unit(tmp_path: Path) -> None:
    mine, others = Claims(tmp_path / "claims"), Claims(tmp_path / "claims")
    with mine.of(API, "one", "reload of api"):
        held = others.held(API)
        assert held is not None
        assert (held.plan, held.what) == ("one", "reload of api")
        with pytest.raises(Claimed, match="another reload of api is under way since"), others.of(API, "two", "x"):
            pass
        with others.of(WEB, "two", "reload of web"):
            pass
    assert others.held(API) is None
    with others.of(API, "two", "reload of api"):
        pass


def test_who_only_looks_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    looks = (
        "import sys, time\nfrom pathlib import Path\nfrom opsagent.claims import Claims\n"
        "from opsagent_tools.units import UnitId\nclaims = Claims(Path(sys.argv[1]))\n"
        "print(flush=True)\nwhile True: time.sleep(0.001), claims.held(UnitId('fake', 'api', 'box'))"
    )
    claims = Claims(tmp_path / "claims")
    with claims.of(API, "one", "reload of api"):
        pass
    other = subprocess.Popen([sys.executable, "-c", looks, str(tmp_path / "claims")], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        for number in range(300):
            with claims.of(API, str(number), "reload of api"):
                pass
    finally:
        other.kill()
        other.communicate()


def test_a_plan_may_take_its_own_claim_again_and_keeps_it(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "claims")
    with claims.of(API, "one", "reload of api"):
        with claims.of(API, "one", "reload of api"):
            pass
        assert Claims(tmp_path / "claims").held(API) is not None
        with pytest.raises(Claimed), claims.of(API, "two", "restart of api"):
            pass


def test_another_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        held = Claims(folder).held(API)
        assert held is not None
        assert held.pid == other.pid
        other.send_signal(signal.SIGKILL)
        eventually(lambda: Claims(folder).held(API) is None, why="the claim goes with its process")
    finally:
        other.kill()
        other.communicate()


def test_the_files_are_private_and_a_link_is_not_followed(tmp_path: Path) -> None:
    folder, precious = tmp_path / "claims", tmp_path / "precious"
    precious.write_text("keep me")
    claims = Claims(folder)
    with claims.of(API, "one", "reload of api"):
        (file,) = folder.iterdir()
        assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
        assert json.loads(file.read_text())["what"] == "reload of api"
    file.unlink()
    file.symlink_to(precious)
    with pytest.raises(OSError, match="symbolic"), claims.of(API, "one", "reload of api"):
        pass
    assert precious.read_text() == "keep me"
