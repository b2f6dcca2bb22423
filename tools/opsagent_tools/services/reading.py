"""Read a file that a person named, as text, whatever stands in its place. Standard library only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from opsagent_tools.services.errors import ServicesFileError

MAX_FILE = 1024 * 1024
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_text(path: Path) -> str:
    """Return what the file says, without a byte order mark. Raises ServicesFileError; never waits for a writer."""
    content = read_bytes(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ServicesFileError(path, "is not UTF-8 text", line=line, mend="save it as UTF-8") from None


def read_bytes(path: Path) -> bytes:
    """Return the content of a regular file of a sensible size. Raises ServicesFileError."""
    try:
        # Without O_NONBLOCK a named pipe would be waited for, for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _refuse_what_is_no_file(path, os.fstat(descriptor).st_mode)
            content = _read_up_to(descriptor, MAX_FILE + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise ServicesFileError(path, "no such file", mend="check the path, or write the file") from None
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise ServicesFileError(path, f"cannot be read: {problem}", mend="check its owner and its mode") from None
    if len(content) > MAX_FILE:
        raise ServicesFileError(path, f"is larger than {MAX_FILE} bytes", mend="is it the right file?")
    return content


def _read_up_to(descriptor: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = os.read(descriptor, size - len(found))
        if not part:
            break
        found += part
    return found


def _refuse_what_is_no_file(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise ServicesFileError(path, "is a folder", mend=f"name the file in it: {path / 'services.toml'}")
    kind = next((name for matches, name in _KINDS if matches(mode)), "no regular file")
    raise ServicesFileError(path, f"is {kind}", mend="name a regular file")
