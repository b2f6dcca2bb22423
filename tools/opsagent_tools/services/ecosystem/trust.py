"""Whose a file is before it is evaluated: code of another user, or that others may write, never runs. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path

from opsagent_tools.services.errors import ServicesFileError


def must_be_own(file: Path) -> Path:
    """Return where the file really is. Raises ServicesFileError unless this user owns it and its folder, alone."""
    try:
        real = file.resolve(strict=True)
        for each in (real, real.parent):
            status = each.stat()
            if status.st_uid != os.geteuid():
                problem = f"is not evaluated: {each} belongs to user {status.st_uid}, not to {os.geteuid()}"
                raise ServicesFileError(file, problem, mend="write it as JSON or YAML, which are only read")
            if status.st_mode & 0o022:
                problem = f"is not evaluated: others may write to {each}"
                raise ServicesFileError(file, problem, mend=f"chmod go-w {each}")
    except FileNotFoundError:
        raise ServicesFileError(file, "no such file", mend="check the path, or write the file") from None
    except (OSError, ValueError, RuntimeError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise ServicesFileError(file, f"cannot be read: {problem}", mend="check its owner and its mode") from None
    return real
