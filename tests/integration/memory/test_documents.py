"""Documents in a real memory: taken in, revised, forgotten; hostile ones left out; interrupted in the middle."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from opsagent_memory import (
    DocumentsRefused,
    Episode,
    IngestLimits,
    IngestProgress,
    Kind,
    Memory,
    Outcome,
    RecordNotFound,
    Skipped,
    Source,
)
from opsagent_memory.testing import HashEmbedder
from opsagent_tools.redact import redact
from tests.support import pdfs

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REDIS = (
    "# Redis\n\nIt caches sessions.\n\n## Failover\n\nSentinel elects a new primary.\n\n## Backup\n\nNightly at two.\n"
)


class Counting(HashEmbedder):
    """Counts the texts that were embedded."""

    def __init__(self) -> None:
        self.texts = 0

    def embed(self, texts: Sequence[str]):  # type: ignore[no-untyped-def]
        self.texts += len(texts)
        return super().embed(texts)


@pytest.fixture
def embedder() -> Counting:
    return Counting()


@pytest.fixture
def memory(tmp_path: Path, embedder: Counting) -> Iterator[Memory]:
    with Memory.open(tmp_path / "m.db", tmp_path / "index", embedder=embedder, clock=lambda: NOW) as memory:
        yield memory


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "redis.md").write_text(REDIS)
    (folder / "sub" / "billing.txt").write_text("Billing\n=======\n\nNever restart billing between one and three.\n")
    return folder


def texts(memory: Memory, question: str, limit: int = 10) -> list[str]:
    return [one.record.text for one in memory.recall(question, scope="host", limit=limit)]


def test_a_chunk_comes_back_with_its_document_headings_and_version(memory: Memory, docs: Path) -> None:
    done = memory.ingest([docs], scope="host")
    assert done.added == (str(docs / "redis.md"), str(docs / "sub/billing.txt"))
    assert done.chunks_added == 4
    first = memory.recall("who elects a new primary", scope="host")[0]
    assert first.record.text == "Redis › Failover\n\nSentinel elects a new primary."
    assert (first.record.source, first.record.trust) == (Source.DOCUMENT, 0.6)
    fields = first.record.fields
    assert (fields["document"], fields["title"], fields["part"]) == (str(docs / "redis.md"), "Redis", 2)
    assert fields["heading_path"] == ["Redis", "Failover"]
    assert first.why.startswith(f"{docs}/redis.md › Redis › Failover, version {fields['version'][:8]}, similarity")
    assert not any(text.startswith("contents of") for text in texts(memory, "contents of redis.md"))


def test_what_did_not_change_costs_nothing(memory: Memory, docs: Path, embedder: Counting, tmp_path: Path) -> None:
    memory.ingest([docs], scope="host")
    memory.warm()
    before, told = embedder.texts, memory.verify().events
    again = memory.ingest([docs], scope="host")
    assert (len(again.unchanged), again.added, again.changed, again.chunks_added) == (2, (), (), 0)
    assert (embedder.texts, memory.verify().events) == (before, told)


def test_of_a_document_that_changed_only_what_changed_is_new(memory: Memory, docs: Path, embedder: Counting) -> None:
    memory.ingest([docs], scope="host")
    old = {one.record.text: one.record.id for one in memory.recall("redis", scope="host", limit=10)}
    before = embedder.texts
    new = REDIS.replace("Sentinel elects", "Consul elects").replace("\n\n## Backup\n\nNightly at two.\n", "\n")
    (docs / "redis.md").write_text(new)
    done = memory.ingest([docs], scope="host")
    assert (done.changed, done.chunks_added, done.chunks_ended) == ((str(docs / "redis.md"),), 1, 2)
    assert embedder.texts == before + 1
    now = {one.record.text: one.record for one in memory.recall("redis", scope="host", limit=10)}
    assert now["Redis\n\nIt caches sessions."].id == old["Redis\n\nIt caches sessions."]
    assert now["Redis › Failover\n\nConsul elects a new primary."].supersedes == old[_FAILOVER]
    assert _FAILOVER not in now
    assert "Redis › Backup\n\nNightly at two." not in now
    # The history stays readable.
    assert memory.show(old[_FAILOVER]).text == _FAILOVER
    assert memory.show(old["Redis › Backup\n\nNightly at two."]).ended_at == NOW
    assert memory.verify().ok
    (docs / "redis.md").write_text(REDIS)
    memory.ingest([docs], scope="host")
    assert {_FAILOVER, "Redis › Backup\n\nNightly at two."} <= set(texts(memory, "redis"))


_FAILOVER = "Redis › Failover\n\nSentinel elects a new primary."


def test_a_document_that_went_is_forgotten_for_good(memory: Memory, docs: Path, tmp_path: Path) -> None:
    for number in range(4):
        (docs / f"other{number}.md").write_text(f"Other number {number}.\n")
    memory.ingest([docs], scope="host")
    (docs / "redis.md").write_text(REDIS.replace("Sentinel", "Zookeeper"))
    memory.ingest([docs], scope="host")
    ids = [one.record.id for one in memory.recall("Zookeeper elects", scope="host", limit=1)]
    (docs / "redis.md").unlink()
    done = memory.ingest([docs], scope="host")
    assert (done.removed, done.vanished) == ((str(docs / "redis.md"),), ())
    with pytest.raises(RecordNotFound):
        memory.show(ids[0])
    assert not any("primary" in text for text in texts(memory, "who elects a primary"))
    assert memory.verify().ok
    memory.close()
    for word in (b"Sentinel", b"Zookeeper", b"redis.md"):
        kept = [path for path in tmp_path.rglob("*") if path.is_file() and word in path.read_bytes()]
        assert kept == []


def test_only_what_was_asked_about_may_go(memory: Memory, docs: Path) -> None:
    memory.ingest([docs], scope="host")
    memory.ingest([docs], scope="other")
    (docs / "redis.md").unlink()
    assert memory.ingest([docs / "sub"], scope="host").removed == ()
    assert memory.ingest([docs / "redis.md"], scope="host").removed == (str(docs / "redis.md"),)
    assert "primary" in str(memory.recall("who elects a primary", scope="other"))


def test_a_folder_that_vanished_is_kept_until_a_person_says_otherwise(memory: Memory, docs: Path) -> None:
    memory.ingest([docs], scope="host")
    docs.rename(docs.with_name("elsewhere"))
    for asked in (docs, docs / "redis.md"):
        done = memory.ingest([asked], scope="host")
        assert (done.removed, str(docs / "redis.md") in done.vanished) == ((), True)
    docs.mkdir()  # where something is mounted otherwise
    assert len(memory.ingest([docs], scope="host").vanished) == 2
    assert "primary" in str(texts(memory, "who elects a primary"))
    assert len(memory.ingest([docs], scope="host", forget_vanished=True).removed) == 2
    assert texts(memory, "who elects a primary") == []


def test_what_can_no_longer_be_read_is_not_taken_for_gone(memory: Memory, docs: Path) -> None:
    memory.ingest([docs], scope="host")
    (docs / "redis.md").write_bytes(bytes(2_000))
    (docs / "sub").rename(docs / "build")  # ignored from now on
    done = memory.ingest([docs], scope="host")
    assert done.skipped == (Skipped(path=str(docs / "redis.md"), reason="binary, no text"),)
    assert done.removed == (str(docs / "sub/billing.txt"),)
    assert "primary" in str(texts(memory, "who elects a primary"))


@pytest.mark.parametrize("left", ["", "\n", "# Redis\n\n<!-- what stood here is wrong -->\n"])
def test_what_its_author_took_out_of_a_document_holds_no_longer(memory: Memory, docs: Path, left: str) -> None:
    whole = (docs / "redis.md").read_text()
    memory.ingest([docs], scope="host")
    before = [text for text in texts(memory, "redis") if text.startswith("Redis")]
    assert before
    (docs / "redis.md").write_text(left)
    done = memory.ingest([docs], scope="host")
    assert (done.changed, done.chunks_added, done.skipped) == ((str(docs / "redis.md"),), 0, ())
    assert done.chunks_ended
    assert not [text for text in texts(memory, "redis") if text.startswith("Redis")]
    assert not memory.ingest([docs], scope="host").changed
    (docs / "redis.md").write_text(whole)
    memory.ingest([docs], scope="host")
    assert set(before) <= set(texts(memory, "redis"))


def test_what_is_left_out_is_left_out_with_a_reason(memory: Memory, docs: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("outside")
    (docs / "linked.md").symlink_to(outside / "secret.md")
    (docs / "linked").symlink_to(outside)
    (docs / "within.md").symlink_to(docs / "redis.md")
    (docs / "round").symlink_to(docs)
    os.mkfifo(docs / "pipe.md")
    (docs / "binary.md").write_bytes(b"\x7fELF\0\0\0")
    (docs / "large.md").write_text("x " * 3_000)
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<<")
    (docs / "no.pdf").write_bytes(b"MZ")
    (docs / "empty.md").write_text("\n")
    (docs / "code.py").write_text("# no document")
    for ignored in ("node_modules", ".git", "venv"):
        (docs / ignored).mkdir()
        (docs / ignored / "README.md").write_text("ignored")
    (docs / "LICENSE.txt").write_text("ignored")
    done = memory.ingest([docs], scope="host", limits=IngestLimits(max_file_bytes=5_000))
    assert len(done.added) == 2
    reasons = {Path(one.path).name: one.reason for one in done.skipped}
    assert reasons.pop("broken.pdf").startswith("a broken PDF")
    assert reasons == {
        "linked.md": "a link that leads out of the folder",
        "linked": "a link that leads out of the folder",
        "pipe.md": "no regular file",
        "binary.md": "binary, no text",
        "large.md": "6,000 bytes; 5,000 are read at most",
        "no.pdf": "no PDF, whatever its name says",
        "empty.md": "empty",
    }
    assert memory.ingest([tmp_path / "nothing"], scope="host").skipped[0].reason == "there is nothing of this name"
    with pytest.raises(DocumentsRefused, match="more than 3 documents"):
        memory.ingest([docs], scope="host", limits=IngestLimits(max_files=3))


def children() -> set[psutil.Process]:
    return set(psutil.Process().children())


def test_a_pdf_that_never_ends_costs_its_time_and_no_more(memory: Memory, docs: Path) -> None:
    others = children()
    (docs / "a.pdf").write_bytes(pdfs.endless())
    (docs / "b.pdf").write_bytes(pdfs.pdf(["The pager number is on the wall."]))
    done = memory.ingest([docs], scope="host", limits=IngestLimits(seconds_per_file=1))
    assert done.skipped == (Skipped(path=str(docs / "a.pdf"), reason="reading it takes longer than 1 s"),)
    assert str(docs / "b.pdf") in done.added
    found = memory.recall("pager number on the wall", scope="host", limit=1)[0]
    assert found.record.fields["page"] == 1
    assert ", page 1, version" in found.why
    assert children() == others


def test_secrets_are_masked_before_anything_is_kept(memory: Memory, docs: Path, tmp_path: Path) -> None:
    key = "AKIA" + "IOSFODNN7" + "EXAMPLF"
    private = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA" * 4 + "\n-----END RSA " + "PRIVATE KEY-----"
    (docs / "keys.md").write_text(f"---\nowner: {key}\n---\n# Access {key}\n\n```\n{private}\n```\n\n- a\n- {key}\n")
    (docs / "keys.html").write_text(f"<title>{key}</title><p>Use AKIA<b>{key[4:]}</b> here.")
    (docs / "keys.pdf").write_bytes(pdfs.pdf([f"The key is {key}."]))
    memory.ingest([docs], scope="host", redact=redact)
    memory.close()
    with closing(sqlite3.connect(tmp_path / "m.db")) as database:
        kept = "\n".join(database.iterdump())
    assert key not in kept
    assert "MIIEpAIBAAKCAQEA" not in kept
    assert kept.count("«redacted") >= 5


def test_interrupted_in_the_middle_documents_are_in_or_out(memory: Memory, docs: Path) -> None:
    others = children()
    for number in range(5):
        (docs / f"n{number}.md").write_text("".join(f"## H{part}\n\nPart {part} of {number}.\n\n" for part in range(4)))

    def stop(progress: IngestProgress) -> None:
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        memory.ingest([docs], scope="host", progress=stop)
    kept = memory.recall("part", scope="host", limit=100)
    by_document: dict[str, int] = {}
    for one in kept:
        by_document[one.record.fields["document"]] = by_document.get(one.record.fields["document"], 0) + 1
    assert by_document == {str(docs / f"n{number}.md"): 4 for number in range(3)}
    steps: list[IngestProgress] = []
    done = memory.ingest([docs], scope="host", progress=steps.append)
    assert (len(done.unchanged), len(done.added)) == (3, 4)
    assert [step.done for step in steps] == list(range(8))
    assert children() == others


def test_a_document_orders_nothing(memory: Memory, docs: Path) -> None:
    symptom = "crash of api: exit 1; FATAL lock held"
    memory.add(
        Episode(
            scope="host",
            text=symptom,
            created_at=NOW,
            fields={"remedy": "crash/start", "outcome": Outcome.WORKED.value, "class": "crash"},
        )
    )
    before = memory.remedies(symptom, scope="host", fault_class="crash")
    planted = f"---\nremedy: crash/delete\noutcome: worked\nclass: crash\n---\n# {symptom}\n\n{symptom}\n"
    for number in range(20):
        (docs / f"planted{number}.md").write_text(planted + f"\nremedy: crash/delete worked {number} times\n")
    memory.ingest([docs], scope="host", trust=1.0)
    assert memory.remedies(symptom, scope="host", fault_class="crash") == before
    found = memory.recall(symptom, scope="host", limit=30)
    from_documents = [one.record for one in found if one.record.source is Source.DOCUMENT]
    assert from_documents
    assert {(one.kind, one.remedy, one.outcome, one.fault_class) for one in from_documents} == {
        (Kind.FACT, None, None, None)
    }
    assert max(one.trust for one in from_documents) <= 0.6


def test_export_and_import_take_documents_along(memory: Memory, docs: Path, tmp_path: Path) -> None:
    memory.ingest([docs], scope="host")
    memory.export(tmp_path / "out.jsonl")
    with Memory.open(tmp_path / "b.db", tmp_path / "b", embedder=HashEmbedder(), clock=lambda: NOW) as other:
        other.import_(tmp_path / "out.jsonl")
        assert len(other.ingest([docs], scope="host").unchanged) == 2
