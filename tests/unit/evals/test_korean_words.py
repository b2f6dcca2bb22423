"""Learning Korean words from message catalogues: read from packages as they are, and only where they are of one mind."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from opsagent_evals.memory.korean import catalogues, words
from opsagent_evals.memory.korean.__main__ import main

PO = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "could not open <b>file</b> \\"%s\\""
msgstr "\\"%s\\" 파일을 열 수 없음"

#, fuzzy
msgid "never"
msgstr "아마도"
"""


def mo(entries: dict[str, str]) -> bytes:
    entries = {"": "Content-Type: text/plain; charset=UTF-8\n"} | entries
    keys, values = [key.encode() for key in entries], [value.encode() for value in entries.values()]
    at = 28 + 16 * len(keys)
    table, blob = b"", b""
    for group in (keys, values):
        for text in group:
            table += struct.pack("<II", len(text), at + len(blob))
            blob += text + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0) + table + blob


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_every_kind_of_catalogue_is_read(tmp_path: Path) -> None:
    jar = zipped(
        tmp_path / "inner.jar",
        {
            "a/LocalStrings.properties": b"x=The port is in use\n",
            "a/LocalStrings_ko.properties": "x=포트가 사용 중".encode(),
        },
    ).read_bytes()
    (tmp_path / "inner.jar").unlink()
    zipped(
        tmp_path / "one.whl",
        {
            "p/locale/ko/LC_MESSAGES/p.mo": mo({"disk is full": "디스크가 가득 참", "context\x04Queue": "대기열"}),
            "p/locale/ko_KR/LC_MESSAGES/p.po": PO.encode(),
            "p/translations/en.json": json.dumps({"a": {"b": "Memory {count} low"}, "c": "gone"}).encode(),
            "p/translations/ko.json": json.dumps({"a": {"b": "메모리 부족"}}).encode(),
            "p/locale/de/LC_MESSAGES/p.mo": mo({"disk": "Platte"}),
            "lib/tool.jar": jar,
        },
    )
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, data in {
            "package/en-US/n.json": b'{"k": "Restart"}',
            "package/ko/n.json": '{"k": "재시작"}'.encode(),
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    (tmp_path / "two.tgz").write_bytes(gzip.compress(tar.getvalue()))
    (tmp_path / "broken.zip").write_bytes(b"no archive")
    assert set(catalogues.pairs(tmp_path)) == {
        ("disk is full", "디스크가 가득 참"),
        ("Queue", "대기열"),
        ('could not open file " "', '" " 파일을 열 수 없음'),
        ("Memory low", "메모리 부족"),
        ("The port is in use", "포트가 사용 중"),
        ("Restart", "재시작"),
    }


def pairs_of(english: str, korean: str, count: int) -> list[tuple[str, str]]:
    return [(english, korean)] * count


def test_words_that_keep_together_are_learnt_without_their_particles() -> None:
    pairs = pairs_of("restore the snapshot", "스냅샷을 복원", 4) + pairs_of("delete the snapshot", "스냅샷을 삭제", 4)
    pairs += pairs_of("snapshot", "스냅샷의", 4)
    pairs += [(f"other{at} thing{at}", "다른 문장") for at in range(400)]
    assert words.learn(pairs) == {"복원": "restore", "삭제": "delete", "스냅": "snapshot"}


def test_what_is_rare_or_of_two_minds_is_not_learnt() -> None:
    pairs = (
        pairs_of("rare", "희귀", 3)
        + pairs_of("bank", "은행나무", 4)
        + pairs_of("tree", "은행나무", 4)
        + pairs_of("ginkgo", "은행나무", 4)
    )
    pairs += [(f"other{at} thing{at}", "다른 문장") for at in range(400)]
    assert words.learn(pairs) == {}


def test_the_command_writes_what_it_learnt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = {f"x{at}": "snapshot" if at < 5 else f"thing{at} other" for at in range(200)}
    korean = {key: "스냅샷" if text == "snapshot" else "다른 문장" for key, text in texts.items()}
    files = {
        "en.json": json.dumps({k: f"{v} a{k}" for k, v in texts.items()}),
        "ko.json": json.dumps({k: f"{v} {n}" for n, (k, v) in enumerate(korean.items())}),
    }
    zipped(tmp_path / "p.zip", {name: text.encode() for name, text in files.items()})
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "스냅\tsnapshot\n"
    assert main([]) == 2
