"""What counts as the last known good configuration, and how a change shows."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from opsagent import last_good
from opsagent.kept_contents import content_path, keep
from opsagent_tools.files import sha256_of
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "last_good"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "app.json"
    path.write_text('{"ttl": 60, "password": "hunter2"}', encoding="utf-8")
    return path


def unit_started(at: float | None) -> Unit:
    processes = () if at is None else (Process(key=ProcessKey(1, at)),)
    return Unit(id=UnitId("circus", "api", "box"), state=UnitState.RUNNING, processes=processes, uid=os.getuid())


def spec(*files: Path) -> ServiceSpec:
    return ServiceSpec(name="api", cwd=Path("/"), config_files=files)


def later(seconds: float = 5.0) -> float:
    return time.time() + seconds


def test_what_a_process_was_started_with_and_is_well_with_is_good(folder: Path, config: Path) -> None:
    assert not last_good.is_known(unit_started(later()), spec(config), folder)
    last_good.note(unit_started(later()), spec(config), folder)
    assert last_good.is_known(unit_started(None), spec(config), folder)
    assert last_good.changed(unit_started(None), spec(config), folder) == ()
    good = config.read_bytes()
    config.write_text("{broken", encoding="utf-8")
    (change,) = last_good.changed(unit_started(None), spec(config), folder)
    assert (change.path, change.good, change.current) == (config, sha256_of(good), sha256_of(b"{broken"))
    assert change.restorable
    assert abs(change.changed_at - time.time()) < 60
    assert content_path(folder, change.good).read_bytes() == good


def test_a_change_under_a_running_process_is_not_good_yet(folder: Path, config: Path) -> None:
    """It has not been started with it: who knows whether it would start?"""
    unit = unit_started(time.time() - 100)
    last_good.note(unit, spec(config), folder)
    assert not last_good.is_known(unit, spec(config), folder)
    last_good.note(unit_started(later()), spec(config), folder)
    config.write_text("{broken", encoding="utf-8")
    last_good.note(unit, spec(config), folder)
    assert len(last_good.changed(unit, spec(config), folder)) == 1
    last_good.note(unit_started(later()), spec(config), folder)
    assert last_good.changed(unit, spec(config), folder) == (), "it was started with it and is well"


def test_a_file_moved_into_place_counts_from_then_whatever_its_time_says(folder: Path, config: Path) -> None:
    unit = unit_started(later(-60))
    prepared = config.with_name("prepared")
    prepared.write_text("{prepared long ago", encoding="utf-8")
    os.utime(prepared, (1_000_000_000, 1_000_000_000))
    prepared.replace(config)
    last_good.note(unit, spec(config), folder)
    assert not last_good.is_known(unit, spec(config), folder)


def test_copies_are_private(folder: Path, config: Path) -> None:
    last_good.note(unit_started(later()), spec(config), folder)
    kept = list(folder.iterdir())
    assert len(kept) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def _link(config: Path) -> None:
    config.rename(config.with_name("real"))
    config.symlink_to(config.with_name("real"))


def _second_name(config: Path) -> None:
    config.with_name("other").hardlink_to(config)


def _fifo(config: Path) -> None:
    config.unlink()
    os.mkfifo(config)


def _huge(config: Path) -> None:
    config.write_bytes(b"x" * (2 * 1024 * 1024))


@pytest.mark.parametrize("trick", [_link, _second_name, _fifo, _huge])
def test_what_is_no_plain_file_is_neither_noted_nor_restored(trick: Any, folder: Path, config: Path) -> None:
    last_good.note(unit_started(later()), spec(config), folder)
    trick(config)
    changes = last_good.changed(unit_started(None), spec(config), folder)
    assert [change.restorable for change in changes] == [False]
    assert changes[0].why
    before = sorted(folder.iterdir())
    last_good.note(unit_started(later()), spec(config), folder)
    assert sorted(folder.iterdir()) == before


def test_a_file_that_is_missing_can_be_made_anew(folder: Path, config: Path) -> None:
    config.chmod(0o640)
    last_good.note(unit_started(later()), spec(config), folder)
    good = config.read_bytes()
    config.unlink()
    (change,) = last_good.changed(unit_started(None), spec(config), folder)
    assert change.restorable
    assert (change.current, change.good, change.mode) == ("", sha256_of(good), 0o640)
    assert change.changed_at <= time.time()


def test_a_file_whose_folder_is_missing_too_is_only_told(folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "conf" / "app.json"
    config.parent.mkdir()
    config.write_text("{}")
    last_good.note(unit_started(later()), spec(config), folder)
    config.unlink()
    config.parent.rmdir()
    (change,) = last_good.changed(unit_started(None), spec(config), folder)
    assert not change.restorable
    assert "its folder with it" in change.why


def test_what_was_noted_is_told_by_path(folder: Path, config: Path) -> None:
    config.chmod(0o640)
    unit = unit_started(later())
    last_good.note(unit, spec(config), folder)
    assert last_good.good_files(unit.id, folder) == {str(config): last_good.Good(sha256_of(config.read_bytes()), 0o640)}


def test_without_the_kept_content_nothing_is_restorable(folder: Path, config: Path) -> None:
    last_good.note(unit_started(later()), spec(config), folder)
    content_path(folder, sha256_of(config.read_bytes())).unlink()
    config.write_text("{broken", encoding="utf-8")
    (change,) = last_good.changed(unit_started(None), spec(config), folder)
    assert not change.restorable
    assert "gone" in change.why


def test_a_damaged_record_is_noted_anew(folder: Path, config: Path) -> None:
    last_good.note(unit_started(later()), spec(config), folder)
    record = next(folder.glob("*.json"))
    for damage in (b"{", b"[]", b'{"/x": {"sha256": "../../etc/passwd", "seen": []}}', b'{"/x": 1}'):
        record.write_bytes(damage)
        assert not last_good.is_known(unit_started(None), spec(config), folder)
        assert last_good.changed(unit_started(None), spec(config), folder) == ()
    last_good.note(unit_started(later()), spec(config), folder)
    assert last_good.is_known(unit_started(None), spec(config), folder)


@pytest.mark.parametrize("name", ["", "../x", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_only_a_sha256_names_a_content(name: str, folder: Path) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        content_path(folder, name)


def test_the_same_content_is_kept_once(folder: Path) -> None:
    assert keep(folder, b"x") == keep(folder, b"x") == sha256_of(b"x")
    assert len(list(folder.iterdir())) == 1


def test_what_takes_the_place_of_a_good_content_is_on_trial_for_long(folder: Path, config: Path) -> None:
    last_good.note(unit_started(later()), spec(config), folder)
    good = sha256_of(config.read_bytes())
    config.write_text('{"ttl": 1}', encoding="utf-8")
    last_good.note(unit_started(later()), spec(config), folder)
    (change,) = last_good.differing(unit_started(None), spec(config), folder)
    assert (change.good, change.on_trial, change.restorable) == (good, True, True)
    assert last_good.changed(unit_started(None), spec(config), folder) == (), "it came up with it and was well"
    config.write_text('{"ttl": 60, "password": "hunter2"}', encoding="utf-8")
    assert last_good.differing(unit_started(None), spec(config), folder) == ()


def test_a_trial_ends_well_after_a_quarter_of_an_hour(folder: Path, config: Path) -> None:
    last_good.note(unit_started(later()), spec(config), folder)
    config.write_text('{"ttl": 30}', encoding="utf-8")
    last_good.note(unit_started(later()), spec(config), folder)
    (record,) = folder.glob("*.json")
    content = json.loads(record.read_bytes())
    content[str(config)]["trial"]["since"] -= 901
    record.write_text(json.dumps(content), encoding="utf-8")
    last_good.note(unit_started(later()), spec(config), folder)
    assert last_good.differing(unit_started(None), spec(config), folder) == ()
    assert last_good.good_files(unit_started(None).id, folder)[str(config)].sha256 == sha256_of(b'{"ttl": 30}')


def test_that_there_was_no_such_file_can_be_good(folder: Path, tmp_path: Path) -> None:
    override = tmp_path / "override.json"
    last_good.note(unit_started(later()), spec(override), folder)
    assert last_good.is_known(unit_started(None), spec(override), folder)
    override.write_text("{}", encoding="utf-8")
    (change,) = last_good.changed(unit_started(None), spec(override), folder)
    assert (change.good, change.current, change.restorable) == ("", sha256_of(b"{}"), True)


def test_a_file_with_old_times_that_was_put_in_its_place_has_changed_since_it_was_last_seen(
    folder: Path, config: Path, tmp_path: Path
) -> None:
    started = later(-3.0)
    os.utime(config, (started - 100, started - 100))
    last_good.note(unit_started(later()), spec(config), folder)
    config.write_text("{}", encoding="utf-8")
    seen_at = time.time() + 1.0
    last_good.note(unit_started(seen_at - 0.5), spec(config), folder, looked_at=seen_at)
    (change,) = last_good.changed(unit_started(None), spec(config), folder)
    assert change.changed_at == pytest.approx(seen_at), "its own times are older than that"


def test_files_that_nobody_declared_are_told_apart(folder: Path, config: Path) -> None:
    last_good.note(unit_started(later()), spec(), folder, named=(config,))
    config.write_text("{broken", encoding="utf-8")
    assert last_good.changed(unit_started(None), spec(), folder) == ()
    (change,) = last_good.differing(unit_started(None), spec(), folder)
    assert not change.declared
    assert last_good.good_files(unit_started(None).id, folder) == {}, "a release has what was declared"


def test_what_a_unit_writes_itself_while_it_starts_counts_where_nothing_else_is_known(
    folder: Path, config: Path
) -> None:
    unit = unit_started(time.time() - 2)
    last_good.note(unit, spec(config), folder)
    assert last_good.good_content(unit.id, folder, config) == config.read_bytes()
    config.write_text("{}", encoding="utf-8")
    last_good.note(unit, spec(config), folder)
    assert len(last_good.changed(unit, spec(config), folder)) == 1, "it is known what was good before"
