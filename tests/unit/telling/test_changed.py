"""What changed just before an incident: with its difference, masked, and only what was before."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from opsagent import last_good
from opsagent.model import Fault, Incident
from opsagent.store.journal import Journal
from opsagent.telling.changed import before, difference
from opsagent_tools.units import Process, ProcessKey
from tests.support.cases import spec_of, unit_of


def test_a_difference_is_masked_bounded_and_safe_for_a_terminal() -> None:
    then, now = b"port = 80\npassword = hunter2abc\n", b"port = 81\npassword = other9secret\n\x1b[31m\n"
    said = difference("app.conf", then, now)
    assert "-port = 80\n+port = 81" in said
    assert "hunter2" not in said
    assert "other9" not in said
    assert "\x1b" not in said
    assert difference("a", b"password = one1secret", b"password = two2secret") == "a: only what is masked differs"
    assert difference("a", b"same", b"same") == ""
    assert difference("a", b"\0", b"x") == "a: 1 bytes then, 1 now"
    long = "\n".join(str(number) for number in range(500)).encode()
    assert len(difference("a", b"", long).splitlines()) == 61


def test_files_deploys_and_what_came_too_late(tmp_path: Path) -> None:
    file, folder = tmp_path / "app.json", tmp_path / "good"
    folder.mkdir(0o700)
    file.write_text('{"workers": 4}')
    os.utime(file, (time.time() - 4000, time.time() - 4000))
    started = time.time() + 1  # its change (ctime) is of now
    unit = unit_of("web", processes=(Process(key=ProcessKey(os.getpid(), started)),), uid=os.getuid())
    spec = spec_of("web", config_files=(file,))
    last_good.note(unit, spec, folder)
    file.write_text('{"workers": 64}')
    now = datetime.now(UTC)
    incident = Incident(id="i", fault=Fault.CRASH, unit=unit.id, opened_at=now, began_at=now)
    with Journal.open(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        journal.begin_deploy(unit.id, now + timedelta(hours=1), "after it", "bob")
        found = before(incident, unit, spec, journal=journal, folder=folder)
        assert [one["what"] for one in found] == ["config"], "a deploy that began later is none of its causes"
        later = Incident(id="i", fault=Fault.CRASH, unit=unit.id, opened_at=datetime.now(UTC), began_at=now)
        both = before(later, unit, spec, journal=journal, folder=folder)
        assert {one["what"] for one in both} == {"config", "deploy"}
        assert [one["said"] for one in both if one["what"] == "deploy"] == ["deploy of web by bob: after it"]
        assert before(later, None, None, journal=journal, folder=folder)[0]["what"] == "deploy"
    assert '-{"workers": 4}\n+{"workers": 64}' in found[0]["diff"]
    assert found[0]["said"] == "configuration file app.json changed since it was last well"
