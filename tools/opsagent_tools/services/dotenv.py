r"""The `.env` file beside a Procfile: `NAME=value` lines. Standard library only.

Values are taken as they stand, or out of quotation marks (in double ones `\n` is a new line); nothing is expanded.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.reading import read_text

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*", re.ASCII)
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)\"""")


def read_dotenv(path: Path) -> dict[str, str]:
    """Return the variables of the file; none where there is no such file. Raises ServicesFileError.

    Only one's own file counts: somebody else's could choose what one's services run with.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ServicesFileError(
            path, f"cannot be read: {error.strerror}", mend="check its owner and its mode"
        ) from None
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise ServicesFileError(
            path, "belongs to another user, or others may write to it", mend="chown and chmod 600 it"
        )
    found: dict[str, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or "\0" in line:
            raise ServicesFileError(path, "is no NAME=value", line=number, mend="write one variable a line")
        found[match[1]] = _value(match[2])
    return found


def _value(raw: str) -> str:
    quoted = _QUOTED.fullmatch(raw)
    if quoted is None:
        return re.sub(r"\s+#.*$", "", raw)
    if quoted[1] is not None:
        return quoted[1]
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), quoted[2])
