"""English sentences with their Korean translation, read from the message catalogues inside packages.

Reads .deb, .whl, .tgz, .jar and .zip files without installing them, and folders. Known: gettext (.mo, .po), Java's
`*_ko.properties` beside `*.properties`, and JSON in pairs (`en.json` and `ko.json`, or folders of these names).
"""

from __future__ import annotations

import gettext
import gzip
import html
import io
import json
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

Pair = tuple[str, str]
"""English, Korean."""
_KOREAN_PLACE = re.compile(r"(^|[/._-])ko([_-]KR)?([/._-]|$)", re.IGNORECASE)
_HANGUL = re.compile(r"[가-힣]")
_LATIN = re.compile(r"[A-Za-z]{2}")
_MARKUP = re.compile(r"<[^<>]{1,80}>|\{\{?[^{}]{0,40}\}?\}|%\(\w+\)[a-z]|%[-0-9.*$]*[a-zA-Z]|\\[nrt]|\$\w+|[_&~](?=\w)")
_ARCHIVES = (".whl", ".zip", ".jar", ".tgz", ".tar.gz", ".deb")
_LARGEST = 40_000_000
Files = dict[str, Callable[[], bytes]]


def pairs(folder: Path) -> Iterator[Pair]:
    """Yield every pair in the packages of a folder, cleaned of markup and placeholders, each once."""
    seen: set[Pair] = set()
    for package in sorted(folder.rglob("*")):
        if not package.name.endswith(_ARCHIVES):
            continue
        for english, korean in _of_files(_files(package)):
            pair = _clean(english), _clean(korean)
            same = pair[0].lower(), pair[1]
            if _useful(*pair) and same not in seen:
                seen.add(same)
                yield pair


def _clean(text: str) -> str:
    return " ".join(_MARKUP.sub(" ", html.unescape(text)).split())


def _useful(english: str, korean: str) -> bool:
    if not (2 <= len(english) <= 220 and 1 <= len(korean) <= 220):
        return False
    return bool(_HANGUL.search(korean) and _LATIN.search(english) and not _HANGUL.search(english))


def _files(package: Path) -> Files:
    """Return the files of an archive by name, each read when it is asked for."""
    if package.suffix == ".deb":
        tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], capture_output=True, check=False).stdout
        return _of_tar(io.BytesIO(tar))
    if package.name.endswith((".tgz", ".tar.gz")):
        return _of_tar(io.BytesIO(gzip.decompress(package.read_bytes())))
    return _of_zip(package.read_bytes())


def _of_tar(stream: io.BytesIO) -> Files:
    try:
        archive = tarfile.open(fileobj=stream)  # noqa: SIM115 (read as long as its files are)
    except tarfile.TarError:
        return {}
    found: Files = {}
    for member in archive.getmembers():
        if not member.isfile() or member.size > _LARGEST:
            continue

        def read(member: tarfile.TarInfo = member) -> bytes:
            file = archive.extractfile(member)
            return file.read() if file else b""

        found |= _opened(member.name, read)
    return found


def _of_zip(data: bytes) -> Files:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        return {}
    found: Files = {}
    for name in archive.namelist():
        found |= _opened(name, lambda name=name: archive.read(name))  # type: ignore[misc]
    return found


def _opened(name: str, read: Callable[[], bytes]) -> Files:
    """Return a file, or for a .jar the files inside."""
    if name.endswith((".jar", ".xpi")):
        return {f"{name}/{inner}": file for inner, file in _of_zip(read()).items()}
    return {name: read}


def _of_files(files: Files) -> Iterator[Pair]:
    for name, read in files.items():
        if not _KOREAN_PLACE.search(name):
            continue
        try:
            if name.endswith(".mo"):
                yield from _of_mo(read())
            elif name.endswith(".po"):
                yield from _of_po(read().decode("utf-8", "replace"))
            elif name.endswith((".properties", ".json")):
                english = _english_beside(name, files)
                if english is not None:
                    parse = _of_json if name.endswith(".json") else _of_properties
                    yield from _matched(parse(files[english]()), parse(read()))
        except (ValueError, OSError, UnicodeError, LookupError):
            continue


def _english_beside(name: str, files: Files) -> str | None:
    path = PurePosixPath(name)
    for korean in ("ko-KR", "ko_KR", "ko-kr", "ko"):
        for english in ("en-US", "en_US", "en-us", "en", ""):
            parts = [english if part == korean and english else part for part in path.parts]
            for mark in ("_", "-", "."):
                replaced = f"{mark}{english}" if english else ""
                last = re.sub(rf"(^|[_.-]){korean}(?=\.\w+$)", replaced, parts[-1])
                last = last.removeprefix(mark) if path.name.startswith(korean) else last
                for candidate in (PurePosixPath(*parts[:-1], last), PurePosixPath(*path.parts[:-1], last)):
                    if str(candidate) != name and str(candidate) in files:
                        return str(candidate)
                if ".jar/" in name:  # the English of a jar of translations is in another jar
                    inside = "/" + str(PurePosixPath(name.rpartition(".jar/")[2]).with_name(last))
                    for other in files:
                        if other != name and other.endswith(inside):
                            return other
    return None


def _of_mo(data: bytes) -> Iterator[Pair]:
    catalogue = gettext.GNUTranslations(io.BytesIO(data))
    entries: dict[str | tuple[str, int], str] = getattr(catalogue, "_catalog", {})
    for key, korean in entries.items():
        english = key[0] if isinstance(key, tuple) else key
        yield english.rpartition("\x04")[2], korean


def _of_po(text: str) -> Iterator[Pair]:
    for block in re.split(r"\n\s*\n", text):
        if "#, fuzzy" in block:
            continue
        said = {
            key: "".join(json.loads(part) for part in re.findall(r'"(?:[^"\\]|\\.)*"', value))
            for key, value in re.findall(r'^(msgid|msgstr(?:\[0\])?) ((?:"(?:[^"\\]|\\.)*"\s*)+)', block, re.MULTILINE)
        }
        korean = said.get("msgstr") or said.get("msgstr[0]")
        if korean and said.get("msgid"):
            yield said["msgid"], korean


def _of_properties(data: bytes) -> dict[str, str]:
    text = re.sub(r"\\\r?\n\s*", "", data.decode("utf-8", "replace"))
    found = dict(re.findall(r"^\s*([^#!\s=:]+)\s*[=:]\s*(.*)$", text, re.MULTILINE))
    return {
        key: re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), value) for key, value in found.items()
    }


def _of_json(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}

    def walk(node: object, place: str) -> None:
        if isinstance(node, dict):
            for key, child in node.items():
                walk(child, f"{place}/{key}")
        elif isinstance(node, str):
            found[place] = node

    walk(json.loads(data), "")
    return found


def _matched(english: dict[str, str], korean: dict[str, str]) -> Iterator[Pair]:
    for key, text in korean.items():
        if key in english:
            yield english[key], text
