"""What follows the end of an instance: how long it waits, and when it is given up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus.environment import service_env
from opsagent_tools.supervisors.circus.logplaces import all_files, files_for
from opsagent_tools.supervisors.circus.slots import BACKOFF_MAX_S, Next, Slot, what_next
from opsagent_tools.supervisors.circus.state import Base

SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PLAIN = ServiceSpec(name="api", command=("api",), cwd=Path("/srv"))
OWN = Path("/engine/logs/api.log")


def delays(spec: ServiceSpec, lives: list[float], code: int = 1) -> list[float | None]:
    """The delays after instances that lived so long, one after the other in one slot."""
    slot = Slot(1)
    return [what_next(spec, slot, code, lived_s).delay_s for lived_s in lives]


@pytest.mark.parametrize(
    ("keys", "lives", "expected"),
    [
        ({}, [0, 0, 0, 0], [0.0, 0.1, 0.2, 0.4]),
        ({}, [0, 0, 11, 0], [0.0, 0.1, 0.0, 0.1]),
        ({"restart_delay_s": 2.0}, [0, 99, 0], [2.0, 2.0, 2.0]),
        ({"restart_delay_s": 0.0}, [0, 0], [0.0, 0.0]),
        ({"restart_backoff_s": 1.0, "restart_delay_s": 9.0}, [0, 0, 0], [1.0, 1.5, 2.25]),
        ({"restart_backoff_s": 1.0}, [0, 29, 30, 0], [1.0, 1.5, 1.0, 1.5]),
        ({"restart_backoff_s": 12.0}, [0, 0, 0], [12.0, 15.0, 15.0]),
        ({"max_restarts": 2}, [0, 0], [0.0, None]),
        ({"max_restarts": 2}, [0, 1, 0, 0], [0.0, 0.1, 0.2, None]),
        ({"max_restarts": 2, "min_uptime_s": 5.0}, [4, 4], [0.0, None]),
        ({"max_restarts": 0}, [1, 0], [0.0, None]),
        ({"max_restarts": 1, "min_uptime_s": 0.0}, [0, 0], [0.0, 0.1]),
        ({"autorestart": False}, [99], [None]),
        ({"stop_exit_codes": (1,)}, [99], [None]),
        ({"stop_exit_codes": (0, 2)}, [99], [0.0]),
    ],
)
def test_delays(keys: dict[str, object], lives: list[float], expected: list[float | None]) -> None:
    assert delays(replace(PLAIN, **keys), lives) == expected  # type: ignore[arg-type]


def test_it_says_why_it_is_over() -> None:
    ended = what_next(replace(PLAIN, stop_exit_codes=(3,)), Slot(1), 3, 9)
    given_up = what_next(replace(PLAIN, max_restarts=1), Slot(1), -9, 0.5)

    assert ended == Next(delay_s=None, phase="exited", reason="ended with exit code 3")
    assert given_up.phase == "failed"
    assert given_up.reason == "given up: it ended once within 1 s; the last one was ended by SIGKILL"


def test_a_person_who_starts_it_begins_anew() -> None:
    slot, spec = Slot(1), replace(PLAIN, max_restarts=2, restart_backoff_s=1.0)
    what_next(spec, slot, 1, 0)

    slot.forget_delay()

    assert what_next(spec, slot, 1, 0).delay_s == 1.0


@SLOWLY
@given(st.lists(st.floats(0, 100), max_size=40), st.floats(0.01, 10))
def test_the_backoff_never_shrinks_in_a_row_nor_passes_its_limit(lives: list[float], first: float) -> None:
    short = [min(life, 29) for life in lives]
    found = [delay or 0.0 for delay in delays(replace(PLAIN, restart_backoff_s=first), short)]

    assert found == sorted(found)
    assert all(first <= delay <= BACKOFF_MAX_S for delay in found)


@pytest.mark.parametrize(
    ("keys", "number", "out", "err"),
    [
        ({}, 1, ["/engine/logs/api.log"], ["/engine/logs/api.log"]),
        ({"out_file": Path("/l/o.log")}, 1, ["/l/o.log"], ["/engine/logs/api.log"]),
        ({"out_file": Path("/dev/null")}, 2, [], ["/engine/logs/api.log"]),
        ({"log_file": Path("/l/b")}, 1, ["/engine/logs/api.log", "/l/b"], ["/engine/logs/api.log", "/l/b"]),
        ({"error_file": Path("/l/e"), "log_file": Path("/l/e")}, 1, ["/engine/logs/api.log", "/l/e"], ["/l/e"]),
        ({"merge_logs": False}, 1, ["/engine/logs/api.log"], ["/engine/logs/api.log"]),
        ({"merge_logs": False, "out_file": Path("/l/o.log"), "instances": 2}, 1, ["/l/o-0.log"], ["/engine/logs/api-0.log"]),
        ({"merge_logs": False, "out_file": Path("/l/o")}, 3, ["/l/o-2"], ["/engine/logs/api-2.log"]),
        ({"disable_logs": True}, 1, [], []),
    ],
)  # fmt: skip
def test_where_output_goes(keys: dict[str, object], number: int, out: list[str], err: list[str]) -> None:
    spec = replace(PLAIN, **keys)  # type: ignore[arg-type]

    assert [str(path) for path in files_for(spec, OWN, number, "out")] == out
    assert [str(path) for path in files_for(spec, OWN, number, "err")] == err
    assert set(all_files(spec, OWN, [number])) == {Path(path) for path in (*out, *err)}


@pytest.mark.parametrize(
    ("withheld", "left"),
    [((), {"PATH", "LC_ALL", "LANG"}), (("L",), {"PATH"}), (("=LANG",), {"PATH", "LC_ALL"}), (("*",), set())],
)
def test_what_is_withheld_of_the_base_environment(withheld: tuple[str, ...], left: set[str]) -> None:
    base = Base(env={"PATH": "/bin", "LC_ALL": "C", "LANG": "C"})

    found = service_env(base, replace(PLAIN, filter_env=withheld), "me", None)

    assert {name for name in found if not name.startswith(("OPSAGENT_", "PYTHON"))} == left


def test_numbers_count_up_from_what_the_service_says() -> None:
    spec = replace(PLAIN, port=8000, increment_var="PORT", instance_var="N", env={"X": "1"})

    first, third = (service_env(Base(), spec, "me", None, number=number) for number in (1, 3))

    assert (first["PORT"], first["N"], third["PORT"], third["N"]) == ("8000", "0", "8002", "2")
    assert service_env(Base(), replace(spec, env={"PORT": "70"}), "me", None, number=2)["PORT"] == "71"
    assert "NODE_CHANNEL_FD" not in first
    assert service_env(Base(env={"NODE_CHANNEL_FD": "3"}), spec, "me", None, channel_fd=9)["NODE_CHANNEL_FD"] == "9"
