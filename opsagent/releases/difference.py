"""What is different between a good release and what stands there now, and what going back would do. Changes nothing but
what is kept: contents that a way back needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from opsagent.kept_contents import content_path, keep
from opsagent.releases import contents, restore
from opsagent.releases.diff import unified
from opsagent.releases.environment import environment_of
from opsagent.releases.manifest import ABSENT, Content, Manifest, content_of
from opsagent.releases.place import Place, place_of
from opsagent_tools.files import UnsafeFile, read_owned
from opsagent_tools.trees import Entry, Tree
from opsagent_tools.units import Unit, UnitSetup

What = Literal["link", "commit", "file", "config", "secret", "environment", "setup"]
How = Literal["changed", "added", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not as it was with the good release."""

    what: What
    name: str
    how: How
    """As seen from the good release: `missing` was there, `added` was not."""
    restored: bool
    """Whether going back changes it."""
    was: str = ""
    now: str = ""
    diff: str = ""
    """Unified, from now to then; masked and bounded."""
    changed_at: float = 0.0
    """Seconds since the epoch; 0 where nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Between a good release and now."""

    good: Manifest
    now: str
    """How a person would name what stands there now."""
    changes: tuple[Change, ...] = ()
    refused: str = ""
    """Why there is no way back, or none that is ours to go; empty where there is one."""
    advice: str = ""
    """What a person would run instead, or afterwards."""
    warnings: tuple[str, ...] = ()
    before: Manifest | None = None
    """What a rollback takes away …"""
    after: Manifest | None = None
    """… and what it puts there; both name the same paths."""

    @property
    def restores(self) -> bool:
        """Tell whether a rollback would change anything."""
        return not self.refused and self.before is not None and self.before != self.after

    @property
    def changed_at(self) -> float:
        """Return when the latest of what would be restored changed, seconds since the epoch."""
        return max((change.changed_at for change in self.changes if change.restored), default=0.0)

    @property
    def only_config(self) -> bool:
        """Tell whether nothing but configuration files that a person named would be restored."""
        restored = [change for change in self.changes if change.restored]
        return bool(restored) and all(change.what == "config" for change in restored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is compared with what, and by whom."""

    good: Manifest
    unit: Unit
    setup: UnitSetup
    folder: Path
    """Where contents are kept."""
    sign: Callable[[bytes], str]

    @property
    def uid(self) -> int:
        return self.unit.uid


def compare(look: Look) -> Difference:
    """Compare a good release with what stands there now. Blocks; never raises for what it finds."""
    good = look.good
    try:
        place = place_of(look.setup, look.uid)
        moved = good.kind == "link" and place.link is not None and place.target != good.target
        files = _files(look, place)
        config = _config(look)
        changes = (*_release(good, place), *files, *config, *_told(look))
        refused = _refused(look, place, changes, moved=moved)
        before, after = (None, None) if refused else _states(look, place, files if not moved else (), config)
    except (OSError, UnsafeFile) as error:
        return Difference(good=good, now="?", refused=_line(error))
    commit = bool(place.checkout and good.commit and place.checkout.commit != good.commit)
    return Difference(
        good=good,
        now=_label(place),
        changes=changes,
        refused=refused,
        advice=_advice(good, refused=bool(refused)) if commit else "",
        warnings=tuple(_warnings(changes, good.left_out, moved=moved)),
        before=before,
        after=after,
    )


def _release(good: Manifest, place: Place) -> Iterator[Change]:
    if good.kind == "link" and place.link is not None and place.target != good.target:
        yield Change(
            what="link",
            name=str(place.link),
            how="changed",
            restored=True,
            was=good.target,
            now=place.target,
            changed_at=place.link_changed_at,
        )
    commit = place.checkout.commit if place.checkout is not None else ""
    if good.kind == "git" and commit and good.commit and commit != good.commit:
        moved_at = place.checkout.changed_at if place.checkout is not None else 0.0
        yield Change(
            what="commit",
            name=str(place.root),
            how="changed",
            restored=False,
            was=good.label,
            now=_label(place),
            changed_at=moved_at,
        )


def _files(look: Look, place: Place) -> tuple[Change, ...]:
    good = look.good
    if place.root is None or good.kind == "setup" or not Path(good.root).is_dir():
        return ()
    found = contents.now(place.root, look.uid, good.files)
    changed = [path for path, was in good.files.items() if found[path] != was]
    known = {*good.files, *good.secrets}
    there = {one.path: one for one in contents.candidates(place.root, look.uid, place.entry)}
    added = [one for one in there.values() if contents.is_code(one.path) and one.path not in known]
    restores = place.target == good.target
    return (
        *(_file(look, place.root, path, found[path], there, restored=restores) for path in changed),
        *(
            Change(what="file", name=one.path, how="added", restored=False, changed_at=one.changed_at)
            for one in added
            if not good.left_out
        ),
        *_secrets(look, place.root),
    )


def _file(look: Look, root: Path, path: str, found: Content, there: Mapping[str, Entry], *, restored: bool) -> Change:
    was = content_of(look.folder, look.good.files[path].sha256)
    stands = b""
    if found.there:
        with Tree.open(root, look.uid) as tree:
            stands = tree.read(path, limit=contents.FILE_LIMIT * 16)[0]
    folder = (root / path).parent
    changed_at = there[path].changed_at if path in there else folder.stat().st_mtime if folder.is_dir() else 0.0
    diff = unified(path, stands, was) if stands != was else f"mode {found.mode:o} → {look.good.files[path].mode:o}"
    how: How = "changed" if found.there else "missing"
    return Change(what="file", name=path, how=how, restored=restored, diff=diff, changed_at=changed_at)


def _secrets(look: Look, root: Path) -> Iterator[Change]:
    with Tree.open(root, look.uid) as tree:
        for path, signed in look.good.secrets.items():
            try:
                now = look.sign(tree.read(path, limit=contents.FILE_LIMIT)[0])
            except FileNotFoundError:
                yield Change(what="secret", name=path, how="missing", restored=False)
            else:
                if now != signed:
                    yield Change(what="secret", name=path, how="changed", restored=False)


def _config(look: Look) -> tuple[Change, ...]:
    found: list[Change] = []
    for name, was in look.good.config.items():
        path = Path(name)
        now = restore.config_now(path, look.uid)
        if now.sha256 == was.sha256:
            continue
        stands = read_owned(path, look.uid) if now.there else b""
        status = path.lstat() if now.there else path.parent.stat()
        found.append(
            Change(
                what="config",
                name=name,
                how="changed" if now.there else "missing",
                restored=True,
                diff=unified(path.name, stands, content_of(look.folder, was.sha256)),
                changed_at=max(status.st_mtime, status.st_ctime),
            )
        )
    return tuple(found)


def _told(look: Look) -> Iterator[Change]:
    """What its supervisor was told: shown, and not ours to change."""
    now = setup_facts(look.setup)
    for name in sorted({*look.good.setup, *now}):
        was, stands = look.good.setup.get(name, ""), now.get(name, "")
        if was != stands:
            yield Change(what="setup", name=name, how="changed", restored=False, was=was, now=stands)
    env = environment_of(look.unit, look.setup, look.sign)
    for name in sorted({*look.good.env, *env}):
        if name not in env:
            yield Change(what="environment", name=name, how="missing", restored=False)
        elif name not in look.good.env:
            yield Change(what="environment", name=name, how="added", restored=False)
        elif look.good.env[name] and env[name] and look.good.env[name] != env[name]:
            yield Change(what="environment", name=name, how="changed", restored=False)


def setup_facts(setup: UnitSetup) -> dict[str, str]:
    """Return what a supervisor was told about a unit, in words; masked already."""
    facts = {
        "command": " ".join(setup.command),
        "script": str(setup.script or ""),
        "cwd": str(setup.cwd or ""),
        "shape": setup.shape,
        "file": str(setup.config_file or ""),
    }
    return {name: value for name, value in facts.items() if value}


def _refused(look: Look, place: Place, changes: tuple[Change, ...], *, moved: bool) -> str:
    """Return why there is no way back, or nothing."""
    good, name = look.good, look.unit.name
    gone = [change.name for change in changes if change.what in {"secret", "environment"} and change.how == "missing"]
    if gone:
        return (
            f"{', '.join(gone)} of {name} {'is' if len(gone) == 1 else 'are'} missing, which release {good.label} had: "
            "secrets are not kept here; put that back first"
        )
    if good.kind not in {place.kind, "setup"}:
        return f"{name} ran as {good.kind} then ({good.root}), and runs as {place.kind} now{_why(place)}"
    if moved:
        return _target_refused(look)
    if good.kind != "setup" and place.root is not None and str(place.root) != good.root and not moved:
        return f"{name} ran in {good.root} then, and runs in {place.root} now"
    if good.left_out and not any(change.what == "config" for change in changes):
        return f"the files of release {good.label} are not kept: {good.left_out}"
    return ""


def _why(place: Place) -> str:
    return f" ({place.why})" if place.why else ""


def _target_refused(look: Look) -> str:
    """Return why a link must not lead back, or nothing: its old folder must be what it was."""
    good = look.good
    root = Path(good.root)
    if not root.is_dir():
        return f"the folder of release {good.label} is gone ({root})"
    found = contents.now(root, look.uid, good.files)
    other = [path for path, was in good.files.items() if found[path].sha256 != was.sha256]
    if other:
        return f"the folder of release {good.label} is not what it was: {', '.join(other[:3])} differs"
    return ""


def _states(
    look: Look, place: Place, files: tuple[Change, ...], config: tuple[Change, ...]
) -> tuple[Manifest, Manifest]:
    """Return what stands there and what shall, with the same paths; what stands there is kept for an undo."""
    good = look.good
    paths = [change.name for change in files if change.what == "file" and change.restored]
    for path in [change.name for change in config]:
        if restore.config_now(Path(path), look.uid).there:
            keep(look.folder, read_owned(Path(path), look.uid))
    root = Path(good.root) if good.root else None
    if paths and root is not None:
        contents.keep_now(root, look.uid, look.folder, paths)
    for wanted in (*(good.files[path] for path in paths), *(good.config[change.name] for change in config)):
        if not content_path(look.folder, wanted.sha256).is_file():
            raise UnsafeFile(f"the kept content {wanted.sha256[:12]} of release {good.label} is gone")
    found = contents.now(root, look.uid, paths) if paths and root is not None else {}
    empty = replace(good, files={}, config={}, secrets={}, env={}, setup={}, left_out="")
    after = replace(
        empty,
        files={path: good.files[path] for path in paths},
        config={change.name: good.config[change.name] for change in config},
    )
    before = replace(
        empty,
        target=place.target,
        commit=place.checkout.commit if place.checkout else "",
        branch=place.checkout.branch if place.checkout else "",
        files={path: found.get(path, ABSENT) for path in paths},
        config={change.name: restore.config_now(Path(change.name), look.uid) for change in config},
    )
    if before.target == after.target and before.files == after.files and before.config == after.config:
        return after, after  # only the commit's name differs: there is nothing to restore
    return before, after


def _warnings(changes: tuple[Change, ...], left_out: str, *, moved: bool) -> Iterator[str]:
    locks = [change.name for change in changes if contents.is_lock(change.name)]
    if locks and not moved:
        yield f"its dependencies changed ({', '.join(locks)}): installed packages are not kept, install them again"
    if left_out:
        yield f"its files are not kept ({left_out}): whether they differ is not known"
    added = [change.name for change in changes if change.what == "file" and change.how == "added"]
    if added and not moved:
        yield f"{len(added)} files that came since stay where they are: {', '.join(added[:5])}"
    for what, text in _NOT_OURS.items():
        names = [change.name for change in changes if change.what == what and change.how != "missing"]
        if names:
            yield f"{text}: {', '.join(names[:8])}"


_NOT_OURS = {
    "environment": "its environment differs, and is its supervisor's to change",
    "setup": "its supervisor was told something else, which stays",
    "secret": "files with secrets differ; they stay as they are",
}


def _advice(good: Manifest, *, refused: bool) -> str:
    command = f"git -C {good.root} checkout {good.commit}"
    if refused:
        return f'run `{command}`, then `opsagent do "reload {good.unit.name} safely"`'
    return f"git still names the newer commit; `{command}` would make it last"


def _label(place: Place) -> str:
    if place.kind == "link":
        return Path(place.target).name
    return place.checkout.label if place.checkout is not None else "files as they are" if place.root else "setup"


def _line(error: Exception) -> str:
    return str(error) if isinstance(error, UnsafeFile) else f"{type(error).__name__}: {error}"
