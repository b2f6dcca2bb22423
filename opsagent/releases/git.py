"""Which commit a work tree is at, read from git's files. git is never run: no hooks, no fsmonitor, no foreign code.

Read as gitrepository-layout(5) has it: `.git` is a folder, or a file that names one (`gitdir: …`, of work trees and
submodules); `HEAD` holds a commit or the name of a ref; refs are files, or lines of `packed-refs`. What only the index
and a comparison with all objects could tell (whether files differ from the commit) is not known here.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.files import UnsafeFile
from opsagent_tools.trees import Tree

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/[A-Za-z0-9_@][\w@+=,%~!#$&'()\-./]{0,240}")
_SMALL = 4096
_PACKED = 16 * 1024 * 1024
_HOPS = 5
_UP = 40
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A work tree and what it is at."""

    root: Path
    """Of the work tree."""
    commit: str
    """Empty where there is none yet."""
    branch: str
    """Empty where HEAD is detached."""
    changed_at: float
    """When HEAD or its branch moved last, seconds since the epoch."""

    @property
    def label(self) -> str:
        """Return how a person would name it."""
        short = self.commit[:10] or "no commit"
        return f"{short} ({self.branch})" if self.branch else f"{short} (detached)"


def checkout_of(folder: Path, uid: int) -> Checkout | None:
    """Return the work tree that `folder` is in; None where there is none, or it cannot be read as git writes it.

    Raises UnsafeFile where the repository belongs to another user: it could say anything.
    """
    found = _find(folder)
    if found is None:
        return None
    root, marker = found
    gitdir = _gitdir(root, marker, uid)
    try:
        return _read(root, gitdir, _common(gitdir, uid), uid)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _find(folder: Path) -> tuple[Path, bool] | None:
    """Return the nearest folder upwards with a `.git`, and whether that is a folder."""
    for place in (folder, *list(folder.parents)[:_UP]):
        try:
            mode = (place / ".git").lstat().st_mode
        except OSError:
            continue
        if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
            return place, stat.S_ISDIR(mode)
        raise UnsafeFile(f"{place / '.git'} is neither a folder nor a file")
    return None


def _gitdir(root: Path, is_folder: bool, uid: int) -> Path:
    if is_folder:
        return root / ".git"
    with Tree.open(root, uid) as tree:
        said, _ = tree.read(".git", limit=_SMALL)
    name = said.decode("utf-8", "surrogateescape").strip()
    if not name.startswith("gitdir: ") or "\0" in name:
        raise UnsafeFile(f"{root / '.git'} does not name a repository")
    return (root / name.removeprefix("gitdir: ")).resolve()


def _common(gitdir: Path, uid: int) -> Path:
    """Return the folder that holds the refs: a work tree's own has HEAD only."""
    with Tree.open(gitdir, uid) as tree:
        try:
            said, _ = tree.read("commondir", limit=_SMALL)
        except FileNotFoundError:
            return gitdir
    return (gitdir / said.decode("utf-8", "surrogateescape").strip()).resolve()


def _read(root: Path, gitdir: Path, common: Path, uid: int) -> Checkout:
    with Tree.open(gitdir, uid) as own, Tree.open(common, uid) as shared:
        raw, status = own.read("HEAD", limit=_SMALL)
        said, changed_at, branch = raw.decode("ascii", "replace").strip(), status.st_mtime, ""
        for _ in range(_HOPS):
            if not said.startswith("ref:"):
                break
            ref = said.removeprefix("ref:").strip()
            if not _is_ref(ref):
                raise ValueError(ref)
            branch = branch or ref.removeprefix(_HEADS)
            said, moved_at = _loose(own, ref) or _loose(shared, ref) or (_packed(shared, ref), 0.0)
            changed_at = max(changed_at, moved_at)
        if said and not _COMMIT.fullmatch(said):
            raise ValueError("neither a commit nor a ref")
        return Checkout(root=root, commit=said, branch=branch, changed_at=changed_at)


def _is_ref(ref: str) -> bool:
    parts = ref.split("/")
    plain = all(part and not part.startswith(".") and not part.endswith(".lock") for part in parts)
    return bool(_REF.fullmatch(ref)) and plain and ".." not in ref


def _loose(tree: Tree, ref: str) -> tuple[str, float] | None:
    try:
        raw, status = tree.read(ref, limit=_SMALL)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    return raw.decode("ascii", "replace").strip(), status.st_mtime


def _packed(tree: Tree, ref: str) -> str:
    try:
        raw, _ = tree.read("packed-refs", limit=_PACKED)
    except FileNotFoundError:
        return ""
    for line in raw.decode("utf-8", "replace").splitlines():
        commit, _, name = line.partition(" ")
        if name == ref and _COMMIT.fullmatch(commit):
            return commit
    return ""
