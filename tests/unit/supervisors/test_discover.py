"""Which supervisors are found, by which kind each is known, and what a person says of the search."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opsagent_tools.processes.sweep import Sweep
from opsagent_tools.supervisors.discover import discover, open_supervisor
from opsagent_tools.supervisors.found import Machine, Wanted


def a_home(folder: Path, name: str) -> Path:
    """A PM2 home whose daemon does not run."""
    home = folder / name / ".pm2"
    home.mkdir(parents=True)
    return home


def machine(*, pm2_home: Path | None = None, **environ: str) -> Machine:
    """A machine on which nothing runs."""
    given = {**environ, **({"PM2_HOME": str(pm2_home)} if pm2_home is not None else {})}
    return Machine(sweep=Sweep({}), uid=os.geteuid(), environ=given, run=Path("/nonexistent"))


def test_the_first_gets_the_plain_kind_and_each_other_one_of_its_own_for_good(tmp_path: Path) -> None:
    first, second = a_home(tmp_path, "a"), a_home(tmp_path, "b")
    wanted = Wanted(pm2_homes=(second,))
    found = {one.address: one for one in discover(wanted, machine=machine(pm2_home=first))}
    assert found[str(first)].kind == "pm2"
    other = found[str(second)].kind
    assert other.startswith("pm2-")
    known = {one.key: one.kind for one in found.values()}
    (alone,) = discover(Wanted(pm2_homes=(second,), discover=False), known=known, machine=machine())
    assert alone.kind == other  # its ids mean the same, though the first one is gone


def test_without_the_search_only_what_is_named_is_found(tmp_path: Path) -> None:
    own, named = a_home(tmp_path, "a"), a_home(tmp_path, "b")
    here = machine(pm2_home=own)
    assert [one.address for one in discover(Wanted(discover=False, pm2_homes=(named,)), machine=here)] == [str(named)]
    assert discover(Wanted(discover=False), machine=here) == ()
    quiet = machine(pm2_home=own, OPSAGENT_DISCOVER="0")
    assert [one.address for one in discover(Wanted(pm2_homes=(named,)), machine=quiet)] == [str(named)]


@pytest.mark.parametrize("off", ["pm2", "pm2-deploy"])
def test_what_is_left_alone_is_not_found_by_family_or_by_kind(tmp_path: Path, off: str) -> None:
    home = a_home(tmp_path, "a")
    known = {f"pm2:{home}": "pm2-deploy"}
    assert [one.kind for one in discover(Wanted(), known=known, machine=machine(pm2_home=home))] == ["pm2-deploy"]
    wanted = Wanted(off=frozenset({off}), pm2_homes=(home,))
    assert discover(wanted, known=known, machine=machine(pm2_home=home)) == ()


def test_what_is_refused_has_no_kind_and_cannot_be_opened(tmp_path: Path) -> None:
    home = a_home(tmp_path, "a")
    home.chmod(0o777)
    (one,) = discover(machine=machine(pm2_home=home))
    assert (one.kind, one.usable) == ("", False)
    assert "everybody may write to" in one.refused
    with pytest.raises(ValueError, match="everybody may write to"):
        open_supervisor(one)


def test_one_that_never_ran_is_there_and_is_not_opened(tmp_path: Path) -> None:
    (one,) = discover(machine=machine(pm2_home=a_home(tmp_path, "a")))
    assert (one.state, one.usable) == ("idle", False)
