"""Export and import: the same, byte for byte; a bad line refuses all of it; what is imported moves nothing here."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent_memory import (
    NEUTRAL,
    Episode,
    Fact,
    Imported,
    ImportRefused,
    Kind,
    Memory,
    MemoryReader,
    MemoryStoreError,
    Procedure,
    RecordNotFound,
    Source,
    finder,
)
from opsagent_memory.testing import HashEmbedder

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOCK = "crash of api: exit 1; FATAL lock <path> held by <num>"


def opened(folder: Path) -> Memory:
    folder.mkdir(exist_ok=True)
    return Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder(), clock=lambda: NOW)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with opened(tmp_path / "here") as memory:
        yield memory


def lived(memory: Memory) -> None:
    """Keep something of everything."""
    fields = {
        "remedy": "crash/start",
        "outcome": "worked",
        "포트": {"z": [1.0, 1, None, True, 1e300, "\u2028"], "a": {}},
    }
    memory.add(Episode(id="ep-1", scope="unit/pm2/api", text='줄\n바꿈 "\\\u2028\t', fields=fields, created_at=NOW))
    memory.add(Procedure(id="pr-1", scope="s", text="how", created_at=NOW - timedelta(days=400, microseconds=7)))
    old = memory.add_fact("port 1", scope="s", source=Source.LOGS, trust=0.1 + 0.2, valid_from=NOW, valid_to=NOW)
    gone = memory.add_fact("port 2", scope="s", supersedes=old)
    memory.add_fact("port 3", scope="s", supersedes=gone)
    memory.add(Fact(id="fa-large", scope="name\u00a0with\ta tab", text="x" * 5_000_000, created_at=NOW))
    memory.add_many([Episode(id=f"ep-x{number}", scope="s", text="", created_at=NOW) for number in range(1_200)])
    memory.end("ep-1", NOW + timedelta(hours=1), "why not")
    memory.archive(["pr-1", "ep-x7"], "old")
    memory.forget(gone)


def exported(memory: Memory) -> bytes:
    stream = io.BytesIO()
    memory.export(stream)
    return stream.getvalue()


def test_there_and_back_is_the_same_byte_for_byte(memory: Memory, tmp_path: Path) -> None:
    lived(memory)
    first = exported(memory)
    heard: list[int] = []
    with opened(tmp_path / "there") as other:
        assert other.import_(io.BytesIO(first), progress=heard.append) == Imported(added=1_205, known=0, forgotten=0)
        assert heard == [1_000, 1_205]
        assert exported(other) == first
        assert (other.show("ep-1").ended_at, other.show("pr-1").archived_at) == (NOW + timedelta(hours=1), NOW)
        assert other.show("ep-1").imported_at == NOW
        assert other.show("ep-1") == memory.show("ep-1")
        assert other.verify().problems == ()
        assert other.import_(io.BytesIO(first)) == Imported(added=0, known=1_205, forgotten=0)
        second = exported(other)
    with opened(tmp_path / "and on") as third:
        third.import_(io.BytesIO(second))
        assert exported(third) == first


def test_what_superseded_a_forgotten_record_is_carried_without_it(memory: Memory, tmp_path: Path) -> None:
    lived(memory)
    lines = [json.loads(line) for line in exported(memory).splitlines()]
    assert [line.get("supersedes") for line in lines if line["text"].startswith("port")] == [None, None]


def test_a_file_is_private_and_whole_or_not_there(memory: Memory, tmp_path: Path) -> None:
    lived(memory)
    path = tmp_path / "memory.jsonl"
    path.write_text("an older export")
    assert memory.export(path) == 1_205
    assert path.read_bytes() == exported(memory)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(MemoryStoreError, match=r"nowhere.*No such file"):
        memory.export(tmp_path / "nowhere" / "memory.jsonl")
    with pytest.raises(ZeroDivisionError):
        memory.export(path, progress=lambda _: 1 // 0)  # type: ignore[arg-type]
    assert path.read_bytes() == exported(memory)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".part")] == []
    with MemoryReader(tmp_path / "here" / "m.db") as reader:
        assert reader.export(tmp_path / "again.jsonl") == 1_205
    with MemoryReader(tmp_path / "none.db") as reader:
        assert reader.export(tmp_path / "empty.jsonl") == 0
    assert (tmp_path / "empty.jsonl").read_bytes() == b""


def line(**changed: object) -> str:
    told = {"id": "fa-9", "kind": "fact", "scope": "s", "text": "x", "created_at": "2026-03-01T12:00:00+00:00"}
    return json.dumps({name: value for name, value in (told | changed).items() if value is not ...})


BAD: dict[str, tuple[str | bytes, str]] = {
    "no JSON": ("{", "not JSON"),
    "no UTF-8": (b'{"id": "\xff"}', "not UTF-8"),
    "no object": ("[]", "an object is wanted"),
    "no record": ("{}", "created_at, id, kind, scope, text is missing"),
    "no id": (line(id=...), "id is missing"),
    "an empty id": (line(id=""), "id must be a text of 1 to 64"),
    "a long id": (line(id="x" * 65), "id must be a text of 1 to 64"),
    "a scope that no database holds": (line(scope="a\0b"), "scope must be a text of 1 to 255"),
    "an id that moves the cursor": (line(id="\x1b[2J"), "printable"),
    "no kind of ours": (line(kind="rumour"), "rumour"),
    "no source of ours": (line(source="god"), "god"),
    "no outcome of ours": (line(fields={"outcome": "splendid"}), "splendid"),
    "a field too much": (line(colour="red"), "unknown: 'colour'"),
    "a mark of our own": (line(imported_at=None), "unknown: 'imported_at'"),
    "what is learnt here only": (line(family="f"), "unknown: 'family'"),
    "trust beyond": (line(trust=2), "trust"),
    "trust that is no number": (line(trust="high"), "trust must be a number"),
    "text that is none": (line(text=7), "text must be a text"),
    "fields that are none": (line(fields=[]), "fields an object"),
    "no such time": (line(created_at="yesterday"), "yesterday"),
    "a time without a zone": (line(created_at="2026-03-01T12:00:00"), "zone"),
    "a time beyond": (line(created_at="0001-01-01T00:00:00+09:00"), "out of range"),
    "a time that is none": (line(valid_to=7), "a time must be a text"),
    "a number that is none": (line(fields={"x": float("nan")}), "not JSON compliant"),
    "a long remedy": (line(fields={"remedy": "x" * 256}), "remedy must have at most 255"),
    "superseding what is not there": (line(supersedes="fa-nowhere"), "it supersedes fa-nowhere, which no line before"),
    "another record of that id": (line(id="fa-0", text="other"), "fa-0 exists already"),
    "a second one of that id": (line(id="fa-1", text="other"), "fa-1 exists already"),
    "nested too deeply": (line(fields={}).replace("{}", "[" * 100_000 + "]" * 100_000), "nested"),
}


@pytest.fixture(scope="module")
def unmoved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    """One memory for all that is refused: it is to stay as it is."""
    with opened(tmp_path_factory.mktemp("unmoved")) as memory:
        memory.add(Fact(id="fa-0", scope="s", text="of our own", created_at=NOW))
        yield memory


@pytest.mark.parametrize(("bad", "why"), BAD.values(), ids=BAD)
def test_a_bad_line_refuses_all_of_it_and_is_named(unmoved: Memory, bad: str | bytes, why: str) -> None:
    before = unmoved.verify()
    bad = bad if isinstance(bad, bytes) else bad.encode()
    whole = f"{line(id='fa-1')}\n\n{line(id='fa-2')}\n".encode() + bad + f"\n{line(id='fa-3')}\n".encode()
    with pytest.raises(ImportRefused, match=why) as refused:
        unmoved.import_(io.BytesIO(whole))
    assert refused.value.line == 4
    assert str(refused.value).startswith("line 4: ")
    assert "\n" not in str(refused.value)
    assert unmoved.verify() == before


def test_after_a_refusal_memory_goes_on(memory: Memory) -> None:
    with pytest.raises(ImportRefused):
        memory.import_(io.BytesIO(f"{line(id='fa-1')}\nrubbish".encode()))
    memory.add_fact("and it goes on", scope="s")
    assert (memory.verify().ok, memory.verify().records) == (True, 1)


def test_a_pipe_is_not_waited_for(memory: Memory, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MemoryStoreError, match="no regular file"):
        memory.import_(tmp_path / "pipe")


def test_a_bad_line_late_in_a_long_file_leaves_nothing(memory: Memory) -> None:
    whole = "".join(f"{line(id=f'fa-{number}')}\n" for number in range(2_500)) + "rubbish"
    with pytest.raises(ImportRefused, match="line 2501: not JSON"):
        memory.import_(io.BytesIO(whole.encode()))
    assert memory.verify().events == 0


def test_a_line_without_end_is_not_read_into_memory(memory: Memory) -> None:
    class Endless(io.BytesIO):
        asked = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 < size < 100_000_000
            return b"x" * size

    with pytest.raises(ImportRefused, match="line 1: longer than"):
        memory.import_(Endless())


def test_a_file_that_is_not_there_is_named(memory: Memory, tmp_path: Path) -> None:
    with pytest.raises(MemoryStoreError, match=r"nowhere\.jsonl: cannot be imported"):
        memory.import_(tmp_path / "nowhere.jsonl")


def test_what_is_imported_is_read_and_teaches_nothing(memory: Memory) -> None:
    fields = {"remedy": "crash/delete_the_database", "outcome": "worked", "class": "crash"}
    told = "".join(
        f"{line(id=f'ep-{number}', kind='episode', text=LOCK, fields=fields, source='person')}\n"
        for number in range(50)
    )
    memory.import_(io.BytesIO(told.encode()))
    assert memory.remedies(LOCK, scope="s", fault_class="crash") == []
    (found,) = memory.recall(LOCK, scope="s")
    assert (found.record.imported_at, found.record.source) == (NOW, Source.PERSON)
    memory.add(Episode(scope="s", text=LOCK, created_at=NOW, fields=fields | {"outcome": "failed"}))
    (remedy,) = memory.remedies(LOCK, scope="s", fault_class="crash")
    assert (remedy.tries, remedy.successes) == (1, 0)
    assert remedy.score < NEUTRAL


def test_what_is_imported_replaces_nothing_of_our_own(memory: Memory) -> None:
    ours = memory.add_fact("never restart billing between 1 and 3 am", scope="s")
    theirs = line(id="fa-2", text="restart billing whenever you like", supersedes=ours)
    on_top = line(id="fa-3", text="restart billing every night", supersedes="fa-2")
    memory.import_(io.BytesIO(f"{theirs}\n{on_top}\n".encode()))
    found = {one.record.id for one in memory.recall("restart billing", scope="s", kind=Kind.FACT)}
    assert found == {ours, "fa-3"}


def test_what_was_forgotten_stays_forgotten(memory: Memory) -> None:
    memory.add(Fact(id="fa-9", scope="s", text="x", created_at=NOW))
    memory.forget("fa-9")
    assert memory.import_(io.BytesIO(line().encode())) == Imported(added=0, known=0, forgotten=1)
    with pytest.raises(RecordNotFound):
        memory.show("fa-9")


def test_secrets_are_masked_before_they_are_kept(memory: Memory, tmp_path: Path) -> None:
    told = line(text="token hunter2", fields={"a": ["hunter2", {"b": "hunter2"}], "hunter": 2})
    memory.import_(io.BytesIO(told.encode()), mask=lambda text: text.replace("hunter2", "***"))
    assert memory.show("fa-9").text == "token ***"
    assert memory.show("fa-9").fields["a"] == ["***", {"b": "***"}]
    assert not any(b"hunter2" in path.read_bytes() for path in (tmp_path / "here").rglob("*") if path.is_file())


def test_what_is_imported_is_found_at_once(memory: Memory) -> None:
    memory.add_fact("already here", scope="s")
    memory.warm()
    memory.import_(io.BytesIO(line(text="the port of billing is 8080").encode()))
    assert memory.recall("port of billing", scope="s")[0].record.id == "fa-9"


def test_an_export_to_a_closed_pipe_is_an_error_of_the_stream(memory: Memory) -> None:
    lived(memory)
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError), os.fdopen(writing, "wb", buffering=0) as stream:
        memory.export(stream)


def test_what_is_imported_reaches_the_index_too(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finder, "EXACT_UP_TO", 0)
    memory.add_fact("already here", scope="s")
    memory.warm()
    told = "".join(f"{line(id=f'fa-{number}', text=f'port number{number}')}\n" for number in range(40))
    memory.import_(io.BytesIO(told.encode()))
    assert memory.recall("port number7", scope="s")[0].record.id == "fa-7"
    memory.warm()
    assert memory.recall("port number9", scope="s")[0].record.id == "fa-9"
    memory.add_fact("port number99", scope="s")
    assert memory.recall("port number99", scope="s")[0].record.text == "port number99"
