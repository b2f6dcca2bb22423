"""Which files of an application's folder belong to its release, and which never do (decision 8).

Code does: what a person or a build wrote, and the process reads. Configuration does, unless the service itself writes it.
Data, logs, uploads, dependencies that a package manager puts there, and whatever is large do not: to give those an earlier
content would destroy something. Files with secrets are known by reference only.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from opsagent.kept_contents import keep
from opsagent.releases.manifest import ABSENT, Content
from opsagent_tools.files import UnsafeFile, sha256_of
from opsagent_tools.trees import Entry, TooMuch, Tree

FILE_LIMIT = 1024 * 1024
"""Bytes; a larger file is no code that a person wrote."""
FILES_LIMIT, BYTES_LIMIT = 2000, 32 * 1024 * 1024
"""Of one release. What has more is noted without its files, and cannot be brought back from here."""
_NAMES_LIMIT = 20_000
"""Names that are looked at below one folder."""

_CODE = frozenset(
    ".js .mjs .cjs .jsx .ts .mts .cts .tsx .py .pyi .rb .php .pl .pm .lua .sh .bash .go .rs .java .kt .scala .clj .ex .exs "
    ".erl .hrl .cs .fs .c .h .cc .cpp .hpp .swift .dart .r .jl .ejs .hbs .mustache .pug .njk .jinja .jinja2 .j2 .erb "
    ".haml .twig .blade .liquid .vue .svelte .astro .html .htm .css .scss .sass .less .graphql .gql .proto .wasm".split()
)
_CONFIG = frozenset(".json .json5 .yaml .yml .toml .ini .cfg .conf .properties .xml .sql .lock .env".split())
_NAMES = frozenset({"Procfile", "Dockerfile", "Makefile", "Rakefile", "Gemfile", "Caddyfile", "go.mod", "go.sum"})
_LOCKS = frozenset(
    {"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "poetry.lock", "uv.lock"}
    | {"Pipfile.lock", "requirements.txt", "Gemfile.lock", "composer.lock", "go.sum", "Cargo.lock"}
)
_NEVER = frozenset(
    {
        "node_modules",
        "bower_components",
        "vendor",
        "venv",
        "site-packages",
        "__pycache__",
        "coverage",
        "target",
        "cache",
    }
    | {"log", "logs", "tmp", "temp", "uploads", "upload", "data", "db", "storage", "backup", "backups", "spool", "run"}
)
_BUILT = frozenset({".next", ".nuxt", ".output", ".svelte-kit", ".config"})
"""Hidden folders that do belong to a release; no other does."""
_SECRET = re.compile(
    r"\.env(\..+)?|.+\.(?:env|pem|key|p12|pfx|jks|keystore|kdbx|asc|gpg|ppk)|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|\.pgpass"
    r"|\.htpasswd|\.npmrc|\.pypirc|(?:.*[._-])?(?:secrets?|credentials?|passwords?)(?:[._-].*)?\.[a-z0-9]+",
    re.IGNORECASE,
)
_SAMPLE = re.compile(r".*\.(?:example|sample|template|dist)(?:\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What was found below an application's folder."""

    files: Mapping[str, Content] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    left_out: str = ""
    written: frozenset[str] = frozenset()
    """Files that look like configuration and were written while the service ran: its data."""
    newest_code: float = 0.0
    """When the newest file of code changed, seconds since the epoch."""


def is_code(path: str) -> bool:
    """Tell whether only people and builds write such a file."""
    return PurePosixPath(path).suffix.lower() in _CODE


def is_secret(path: str) -> bool:
    """Tell whether a file of this name holds secrets."""
    name = PurePosixPath(path).name
    return bool(_SECRET.fullmatch(name)) and not is_code(path) and not _SAMPLE.fullmatch(name)


def is_lock(path: str) -> bool:
    """Tell whether the file says which dependencies belong to the release."""
    return PurePosixPath(path).name in _LOCKS


def belongs(entry: Entry, entry_script: str) -> bool:
    """Tell whether a file may belong to a release."""
    name = PurePosixPath(entry.path)
    if entry.path == entry_script or name.name in _NAMES or is_lock(entry.path):
        return True
    suffix = name.suffix.lower()
    if suffix:
        return suffix in _CODE or suffix in _CONFIG
    return bool(entry.status.st_mode & 0o100) and not name.name.startswith(".")  # `bin/serve`


def enters(path: str, descriptor: int) -> bool:
    """Tell whether a folder may hold files of the release."""
    name = PurePosixPath(path).name
    if name.lower() in _NEVER or (name.startswith(".") and name not in _BUILT):
        return False
    with contextlib.suppress(OSError):
        os.stat("pyvenv.cfg", dir_fd=descriptor, follow_symlinks=False)
        return False
    return True


def candidates(root: Path, uid: int, entry_script: str = "") -> tuple[Entry, ...]:
    """Return the files that may belong to the release below `root`. Raises TooMuch, UnsafeFile, OSError."""
    with Tree.open(root, uid) as tree:
        found = tree.files(enters, limit=_NAMES_LIMIT)
        return tuple(entry for entry in found if belongs(entry, entry_script) or is_secret(entry.path))


def take(
    root: Path,
    uid: int,
    folder: Path,
    *,
    entry_script: str,
    started: float,
    sign: Callable[[bytes], str],
    written: Iterable[str] = (),
    open_for_writing: Iterable[str] = (),
) -> Contents:
    """Keep the files of the release in `folder`; `started`: since when the service runs, `sign`: hash for secrets.

    Raises UnsafeFile, OSError.
    """
    try:
        entries = candidates(root, uid, entry_script)
    except TooMuch as error:
        return Contents(left_out=str(error))
    data = {*written, *open_for_writing}
    data |= {one.path for one in entries if not is_code(one.path) and one.changed_at >= started}
    newest = max((one.changed_at for one in entries if is_code(one.path) and one.path not in data), default=0.0)
    mine = [one for one in entries if one.path not in data and one.changed_at < started]
    plain = [one for one in mine if not is_secret(one.path) and one.status.st_size <= FILE_LIMIT]
    left_out = _too_much(plain, root)
    with Tree.open(root, uid) as tree:
        secrets = dict(_signed(tree, entries, sign))
        files = {} if left_out else _kept(tree, plain, folder)
    return Contents(
        files=files,
        secrets=secrets,
        left_out=left_out,
        written=frozenset(path for path in data if not is_code(path) and not is_secret(path)),
        newest_code=newest,
    )


def now(root: Path, uid: int, paths: Iterable[str]) -> dict[str, Content]:
    """Return what stands at each of these paths now; ABSENT where nothing does. Raises UnsafeFile, OSError."""
    found: dict[str, Content] = {}
    with Tree.open(root, uid) as tree:
        for path in paths:
            try:
                content, status = tree.read(path, limit=FILE_LIMIT * 16)
            except (FileNotFoundError, NotADirectoryError):
                found[path] = ABSENT
            else:
                found[path] = Content(sha256_of(content), status.st_mode & 0o777)
    return found


def keep_now(root: Path, uid: int, folder: Path, paths: Iterable[str]) -> None:
    """Keep what stands at these paths now, so that an undo has it. Raises UnsafeFile, OSError."""
    with Tree.open(root, uid) as tree:
        for path in paths:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                keep(folder, tree.read(path, limit=FILE_LIMIT * 16)[0])


def _too_much(entries: list[Entry], root: Path) -> str:
    size = sum(entry.status.st_size for entry in entries)
    if len(entries) > FILES_LIMIT:
        return f"{len(entries)} files below {root} are more than the {FILES_LIMIT} that are kept"
    if size > BYTES_LIMIT:
        return f"{size / 1e6:.0f} MB below {root} are more than the {BYTES_LIMIT / 1e6:.0f} MB that are kept"
    return ""


def _signed(tree: Tree, entries: Iterable[Entry], sign: Callable[[bytes], str]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if is_secret(entry.path):
            with contextlib.suppress(
                UnsafeFile, FileNotFoundError
            ):  # very large, two links: the rest is noted all the same
                yield entry.path, sign(tree.read(entry.path, limit=FILE_LIMIT)[0])


def _kept(tree: Tree, entries: list[Entry], folder: Path) -> dict[str, Content]:
    found: dict[str, Content] = {}
    for entry in entries:
        with contextlib.suppress(UnsafeFile, FileNotFoundError):  # two links, say: it cannot be given back
            content, status = tree.read(entry.path, limit=FILE_LIMIT)
            found[entry.path] = Content(keep(folder, content), status.st_mode & 0o777)
    return found
