"""Users and groups by name or number, and who may run services as another one. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Callable

from opsagent_tools.services.fields import Wrong, name_of_type


def user(value: object) -> int | None:
    """Return the user id; None for one's own. Raises Wrong where this user may not start processes of that one."""
    import pwd

    found = _number(value, "user", lambda name: pwd.getpwnam(name).pw_uid)
    if found == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise Wrong(
            f"is {value!r}, and only root may start processes of another user",
            "remove it, or let an agent of that user run the service",
        )
    return found


def group(value: object) -> int | None:
    """Return the group id; None for one's own. Raises Wrong where this user may not start processes of that one."""
    import grp

    found = _number(value, "group", lambda name: grp.getgrnam(name).gr_gid)
    if found == os.getegid():
        return None
    if os.geteuid() != 0:
        raise Wrong(f"is {value!r}, and only root may start processes of another group", "remove it")
    return found


def group_of(uid: int) -> int | None:
    """Return the user's own group, None where the user is not known by name."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return None


def home_of(uid: int) -> str | None:
    """Return the user's home folder, None where the user is not known by name."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return None


def name_of(uid: int) -> str | None:
    """Return the user's name, None where the user is not known by name."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def groups_of(uid: int, gid: int | None) -> list[int]:
    """Return the groups that a process of the user has: its own, and those that it is a member of."""
    name = name_of(uid)
    if name is None:
        return [] if gid is None else [gid]
    first = group_of(uid) if gid is None else gid
    return os.getgrouplist(name, first if first is not None else uid)


def _number(value: object, what: str, by_name: Callable[[str], int]) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Wrong(f"is {name_of_type(value)}, must be a {what}", "write its name or its number")
    if isinstance(value, str) and not value.isdecimal():
        try:
            return by_name(value)
        except (KeyError, ValueError):
            raise Wrong(f"{value!r} is no {what} here", "check the name, or create it") from None
    found = int(value)
    if not 0 <= found < 2**32 - 1:
        raise Wrong(f"{value!r} is no {what}", "write its name or its number")
    return found
