"""Whether a file that nobody declared is a log: by its name and its lines, whatever language they speak."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.log_shape import named_like_a_log, reads_like_a_log

LOGS = ("api.log", "access.log", "stdout", "app-error.log", "worker.log.1", "service_debug.txt", "web.out")
KEPT = (
    "000003.log",
    "00000000000000000000.log",
    "orders.log",
    "wal.log",
    "audit.log",
    "event.log",
    "films.tar",
    "catalogue",
)


@pytest.mark.parametrize("name", LOGS)
def test_names_of_logs(name: str) -> None:
    assert named_like_a_log(f"/srv/shop/{name}")


@pytest.mark.parametrize("name", KEPT)
def test_names_of_what_is_kept(name: str) -> None:
    assert not named_like_a_log(f"/srv/shop/{name}")


@pytest.mark.parametrize(
    ("name", "line", "is_log"),
    [
        ("trace.txt", '{"niveau": "info", "quand": 12}', True),
        ("trace.txt", '{"sku": 17, "left": 4}', False),
        ("trace.txt", "2026-11-29 10:11:12 Datei nicht gefunden: x", True),
        ("trace.txt", "17;4;9;12", False),
        ("trace.txt", '1.2.3.4 - - [29/Nov/2026:10:11:12 +0000] "GET / HTTP/1.1" 200 4', True),
        ("plain.log", "예약을 읽을 수 없음", True),
        ("plain.log", "\x01\x02\x03\x04\x05\x06\x07\x0e\x0f", False),
    ],
)
def test_lines(tmp_path: Path, name: str, line: str, is_log: bool) -> None:
    file = tmp_path / name
    file.write_text(f"{line}\n" * 5)
    assert reads_like_a_log(file) is is_log


def test_the_hole_before_a_log_that_was_cut_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "plain.log"
    file.write_bytes(b"\0" * 8192 + b"INFO goes on\n" * 20)
    assert reads_like_a_log(file)
