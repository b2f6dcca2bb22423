"""Whose a file is before it counts: code of another user, or that others may write, never runs. Standard library only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.trust import is_private_group

_ROOT = 0


def must_be_own(file: Path) -> Path:
    """Return where a file that will be evaluated really is.

    Raises ServicesFileError unless this user owns it, its folder and the link that leads to it, and nobody else may
    write there.
    """
    try:
        real = file.resolve(strict=True)
        if file.is_symlink() and file.lstat().st_uid not in (os.geteuid(), _ROOT):
            raise _not_own(file, file, file.lstat().st_uid)
        for each in (real, real.parent):
            status = each.stat()
            if status.st_uid != os.geteuid():
                raise _not_own(file, each, status.st_uid)
            if others_may_write(status):
                problem = f"is not evaluated: others may write to {each}"
                raise ServicesFileError(file, problem, mend=f"chmod go-w {each}")
    except FileNotFoundError:
        raise ServicesFileError(file, "no such file", mend="check the path, or write the file") from None
    except (OSError, ValueError, RuntimeError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise ServicesFileError(file, f"cannot be read: {problem}", mend="check its owner and its mode") from None
    return real


def must_not_be_a_strangers(file: Path) -> None:
    """Raise ServicesFileError for a file of another user (but root), or that everybody may write.

    It is only read, but the commands that it names run as this user.
    """
    try:
        seen = {file.lstat().st_uid, (status := file.stat()).st_uid} - {os.geteuid(), _ROOT}
    except (OSError, ValueError):
        return  # whoever reads it says what is wrong
    if seen:
        problem = f"belongs to user {seen.pop()}, and what it names would run as {os.geteuid()}"
        raise ServicesFileError(file, problem, mend="chown it, or copy it")
    if status.st_mode & stat.S_IWOTH:
        problem = "may be written by everybody, and what it names would run as you"
        raise ServicesFileError(file, problem, mend=f"chmod o-w {file}")


def others_may_write(status: os.stat_result) -> bool:
    """Tell whether anybody but the owner may write; a group that is the owner's alone is nobody else."""
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not is_private_group(status.st_gid, status.st_uid)


def _not_own(file: Path, what: Path, uid: int) -> ServicesFileError:
    problem = f"is not evaluated: {what} belongs to user {uid}, not to {os.geteuid()}"
    return ServicesFileError(file, problem, mend="copy it into a folder of yours, or have its owner run it")
