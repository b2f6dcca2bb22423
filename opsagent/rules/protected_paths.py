"""Files that no action touches, whoever asks: those of a fixed list, the agent's own, and what the policy names. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from opsagent.rules.reach import FILE_ACTIONS, paths_in
from opsagent_tools.actions import Action, ActionName

BUILT_IN = (
    "/etc/passwd*", "/etc/group*", "/etc/shadow*", "/etc/gshadow*", "/etc/sudoers", "/etc/sudoers.d/**",
    "/etc/pam.d/**", "/etc/security/**", "/etc/ssh/**", "/etc/fstab", "/etc/crypttab", "/boot/**",
    "/proc/**", "/sys/**", "/dev/**",
    "**/.ssh/**", "**/.gnupg/**", "**/.aws/**", "**/.kube/**",
    "/var/lib/postgresql/**", "/var/lib/pgsql/**", "/var/lib/mysql/**", "/var/lib/mariadb/**", "/var/lib/mongodb/**",
    "/var/lib/mongo/**", "/var/lib/redis/**", "/var/lib/etcd/**", "/var/lib/elasticsearch/**", "/var/lib/cassandra/**",
    "/var/lib/influxdb/**", "/var/lib/couchdb/**", "/var/lib/clickhouse/**", "/var/lib/docker/**",
    "/var/lib/containerd/**",
)  # fmt: skip
"""Globs: `*` stays within one name, `**` goes over folders."""
DATA = (
    "**/PG_VERSION", "**/pg_wal/**", "**/base/**/pg_filenode.map", "**/postmaster.pid", "**/ibdata*", "**/*.ibd",
    "**/*.frm", "**/WiredTiger*", "**/*.wt", "**/*.sqlite", "**/*.sqlite3", "**/*.sqlite-wal", "**/*.sqlite-journal",
    "**/*.db-wal", "**/*.db-journal", "**/dump.rdb", "**/*.aof", "**/*.mdb", "**/*.rocksdb/**",
)  # fmt: skip
"""What databases keep their data in, wherever it lies. Owner and mode of such a file may be put back, nothing else."""
_LOGS_ONLY = frozenset({ActionName.ROTATE_LOG, ActionName.TRUNCATE_LOG})


def why_protected(
    action: Action, globs: Iterable[str], home: str, real: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return why the action must not touch what its arguments name; empty where nothing of that is protected.

    `globs` are those of the policy, `home` is the agent's own folder: there the logs of its engine may be rotated, and
    nothing else is touched. `real`: where paths lead that have links in them.
    """
    if action.name not in FILE_ACTIONS:
        return ""
    named = paths_in(action)
    for path in (*named, *(real[one] for one in named if one in real)):
        found = next((glob for glob in (*globs, *BUILT_IN) if _matches(path, glob)), None)
        if found is None and action.name is not ActionName.RESTORE_MODE:
            found = next((glob for glob in DATA if _matches(path, glob)), None)
        if found is None and action.name is ActionName.QUARANTINE:
            found = next((glob for glob in (*globs, *BUILT_IN) if _holds(path, glob)), None)
        if found is not None:
            return f"{path} is protected ({found})"
        if _is_the_agents(path, home, action):
            return f"{path} is the agent's own"
    return ""


def _is_the_agents(path: str, home: str, action: Action) -> bool:
    if not home:
        return False
    own = posixpath.normpath(home)
    if path != own and not path.startswith(own + "/"):
        return action.name is ActionName.QUARANTINE and own.startswith(path.rstrip("/") + "/")
    return not (path.startswith(f"{own}/engine/") and action.name in _LOGS_ONLY)


def _matches(path: str, glob: str) -> bool:
    return _pattern(glob).fullmatch(path) is not None


def _holds(path: str, glob: str) -> bool:
    """Tell whether what is protected lies below `path`: to move that folder is to move it."""
    plain = re.split(r"[*?\[]", glob, maxsplit=1)[0].rstrip("/")
    return bool(plain) and plain.startswith(path.rstrip("/") + "/")


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """Return the glob as an expression; `/x/**` matches `/x` too."""
    whole, folder = (glob[:-3], True) if glob.endswith("/**") else (glob, False)
    meant = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = [meant.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*\*|\*|\?)", whole)]
    return re.compile("".join(parts) + ("(?:/.*)?" if folder else ""))
