"""Takes the files of a release from one state to another: all of them or none, and never over what somebody changed since.

Two manifests say what to do: `before` (what stands there, as it was looked at) and `after` (what is to stand there), both
with the same paths. Everything is written beside first, so that a full disk or a missing right shows before anything has
changed; then one file after the other takes its place. A path that is as it shall be already is left: after a death in the
middle the same call goes on. Whatever fails half way is put back.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from opsagent.releases import contents
from opsagent.releases.manifest import ABSENT, Content, Manifest, content_of
from opsagent_tools.files import UnsafeFile, read_owned, remove_written, replace_content, sha256_of, write_missing
from opsagent_tools.trees import Tree

_LOG = logging.getLogger(__name__)


def stands(manifest: Manifest, uid: int) -> bool:
    """Tell whether the world is as the manifest says: link, files, configuration. Raises UnsafeFile, OSError."""
    if manifest.link and not _leads(manifest, uid):
        return False
    if manifest.files and contents.now(Path(manifest.root), uid, manifest.files) != dict(manifest.files):
        return False
    return all(config_now(Path(path), uid).sha256 == wanted.sha256 for path, wanted in manifest.config.items())


def restore(before: Manifest, after: Manifest, *, folder: Path, uid: int) -> None:
    """Take the release from `before` to `after`. Raises UnsafeFile, OSError; nothing has changed then, or it is put back."""
    if before.files.keys() != after.files.keys() or before.config.keys() != after.config.keys():
        raise UnsafeFile("the two states of the release do not name the same files")
    _demand_fresh(before, after, uid)
    undo: list[Callable[[], None]] = []
    try:
        if after.files:
            for take_back in _put_files(Path(after.root), uid, folder, after.files):
                undo.append(take_back)  # noqa: PERF402  # each at once: the next may fail
        for path in after.config:
            undo.append(_put_config(Path(path), before.config[path], after.config[path], folder, uid))  # noqa: PERF401
        if after.link:
            _switch(before, after, uid)
    except BaseException:
        for step in reversed(undo):
            with contextlib.suppress(OSError, UnsafeFile):
                step()
        raise


def config_now(path: Path, uid: int) -> Content:
    """Return what stands at the path of a configuration file now. Raises UnsafeFile, OSError."""
    try:
        content = read_owned(path, uid)
        return Content(sha256_of(content), path.lstat().st_mode & 0o777)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT


def _demand_fresh(before: Manifest, after: Manifest, uid: int) -> None:
    if after.files:
        for path, found in contents.now(Path(after.root), uid, after.files).items():
            _demand(found, before.files[path], after.files[path], f"{after.root}/{path}")
    for path in after.config:
        _demand(config_now(Path(path), uid), before.config[path], after.config[path], path)


def _demand(found: Content, before: Content, after: Content, name: str) -> None:
    if found.sha256 not in {before.sha256, after.sha256}:
        raise UnsafeFile(f"{name} changed since it was looked at")


def _put_files(root: Path, uid: int, folder: Path, after: Mapping[str, Content]) -> Iterator[Callable[[], None]]:
    """Put every file in its place; yield what takes each one back."""
    found = contents.now(root, uid, after)
    wrong = [path for path in after if found[path] != after[path]]
    with Tree.open(root, uid) as tree:
        try:
            for path in wrong:
                if after[path].there:
                    tree.stage(path, content_of(folder, after[path].sha256), after[path].mode)
            for path in wrong:
                if after[path].there:
                    tree.put(path)
                else:
                    content_of(folder, found[path].sha256)  # what is not kept is not removed
                    tree.remove(path)
                yield _taker(root, uid, folder, path, found[path])
        finally:
            for path in wrong:
                tree.drop_staged(path)


def _taker(root: Path, uid: int, folder: Path, path: str, was: Content) -> Callable[[], None]:
    def take_back() -> None:
        with Tree.open(root, uid) as tree:
            if was.there:
                tree.stage(path, content_of(folder, was.sha256), was.mode)
                tree.put(path)
            else:
                tree.remove(path)

    return take_back


def _put_config(path: Path, before: Content, after: Content, folder: Path, uid: int) -> Callable[[], None]:
    put_config(path, before, after, folder, uid)
    return lambda: put_config(path, after, before, folder, uid)


def put_config(path: Path, before: Content, after: Content, folder: Path, uid: int) -> None:
    """Give a configuration file another content; `before` without content: it is missing, `after`: it is to be."""
    found = config_now(path, uid)
    if found.sha256 == after.sha256:
        return
    if found.sha256 != before.sha256:
        raise UnsafeFile(f"{path} changed since it was looked at")
    if not after.there:
        content_of(folder, before.sha256)  # what is not kept is not removed
        remove_written(path, sha256=before.sha256, uid=uid)
    elif before.there:
        replace_content(path, content_of(folder, after.sha256), replaces=before.sha256, uid=uid)
    else:
        write_missing(path, content_of(folder, after.sha256), mode=after.mode, uid=uid)


def _leads(manifest: Manifest, uid: int) -> bool:
    link = Path(manifest.link)
    with Tree.open(link.parent, uid) as tree:
        return tree.link_target(link.name) == manifest.target


def _switch(before: Manifest, after: Manifest, uid: int) -> None:
    link = Path(after.link)
    target = (link.parent / after.target).resolve(strict=True)
    if link.parent.resolve() not in target.parents:
        raise UnsafeFile(f"{after.link} does not lead to a folder beside it")
    with Tree.open(target, uid), Tree.open(link.parent, uid) as tree:
        if tree.link_target(link.name) != after.target:
            tree.switch_link(link.name, after.target, replaces=before.target)
