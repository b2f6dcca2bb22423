"""Reading one file: its bytes here, its sense in a process of its own (`worker`)."""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from opsagent_memory.documents.encodings import decoded
from opsagent_memory.documents.parsed import Parsed, from_json
from opsagent_memory.documents.unreadable import Unreadable
from opsagent_memory.documents.words import IngestLimits, Redact

_FORMATS = {
    "markdown": (".md", ".markdown", ".mdown", ".mkd", ".mdx"),
    "html": (".html", ".htm", ".xhtml"),
    "pdf": (".pdf",),
    "text": (".txt", ".text", ".rst", ".adoc", ".asciidoc", ".org"),
}
_BY_SUFFIX = {suffix: name for name, suffixes in _FORMATS.items() for suffix in suffixes}
_BARE = frozenset("readme runbook changelog changes contributing install upgrading faq howto notes news".split())
"""Names that say without a suffix that this is a text."""
_ANSWER_BYTES = 64_000_000
_PATIENCE, _START_S = 10, 60.0
"""A reader is bounded by the time that it computes; on a busy machine that takes so much longer by the clock."""


def format_of(name: str) -> str | None:
    """Return how a file of this name is read; None: it is no document."""
    stem, suffix = os.path.splitext(name.lower())  # noqa: PTH122 (a name, not a path)
    return _BY_SUFFIX.get(suffix) or ("text" if not suffix and stem in _BARE else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A file's bytes."""

    data: bytes
    version: str
    """SHA-256 of the bytes, hex."""


def fetch(path: str, limits: IngestLimits) -> Raw:
    """Return the bytes of a regular file; a link is not followed.

    Raises:
        Unreadable: it cannot be opened, or is too large.
    """
    bound = limits.max_pdf_bytes if format_of(path) == "pdf" else limits.max_file_bytes
    try:
        # A pipe would make us wait, so: not blocking.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor)
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise Unreadable("no regular file")
            data = file.read(bound + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error
    if len(data) > bound:
        raise Unreadable(f"{max(found.st_size, len(data)):,} bytes; {bound:,} are read at most")
    return Raw(data=data, version=hashlib.sha256(data).hexdigest())


class Reader:
    """Makes sense of files. The process behind it is started with the first one, and ends with this."""

    def __init__(self, limits: IngestLimits, redact: Redact) -> None:
        self._limits = limits
        self._redact = redact
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def read(self, path: str, data: bytes) -> Parsed:
        """Return what a file says, secrets masked as far as they stand in its text as a whole.

        Raises:
            Unreadable: it is no document, is broken, or takes too long.
        """
        name = format_of(path) or "text"
        if name == "pdf":
            if not data.lstrip()[:5].startswith(b"%PDF-") and b"%PDF-" not in data[:1024]:
                raise Unreadable("no PDF, whatever its name says")
        else:
            data = self._redact(decoded(data, html=name == "html")).encode("utf-8", "replace")
        if not data.strip():
            raise Unreadable("empty")
        return self._asked(name, data)

    def _asked(self, name: str, data: bytes) -> Parsed:
        seconds = self._limits.seconds_per_file
        request = {"format": name, "size": len(data), "pages": self._limits.max_pages, "seconds": seconds}
        process = self._process or self._start()
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode() + b"\n" + data)
            process.stdin.flush()
            line = self._line(process, time.monotonic() + _PATIENCE * seconds + _START_S)
        except BaseException as error:
            self._end()
            if isinstance(error, BrokenPipeError):
                raise Unreadable("reading it ended its reader") from error
            raise
        answer: dict[str, Any] = json.loads(line)
        if "unreadable" in answer:
            raise Unreadable(answer["unreadable"])
        return from_json(answer["parsed"])

    def _line(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        assert process.stdout is not None
        descriptor, pieces, size = process.stdout.fileno(), list[bytes](), 0
        while not (pieces and pieces[-1].endswith(b"\n")):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise Unreadable(self._too_long())
            piece = os.read(descriptor, 1 << 16)
            size += len(piece)
            if size > _ANSWER_BYTES:
                raise Unreadable("too much text")
            if not piece:
                late = process.wait() == -signal.SIGXCPU
                raise Unreadable(self._too_long() if late else "reading it ended its reader")
            pieces.append(piece)
        return b"".join(pieces)

    def _too_long(self) -> str:
        return f"reading it takes longer than {self._limits.seconds_per_file:g} s"

    def _start(self) -> subprocess.Popen[bytes]:
        # -P: nothing is imported from the current folder. A session of its own: Ctrl-C is ours to handle.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "opsagent_memory.documents.worker", str(self._limits.reader_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue
        process.wait()
