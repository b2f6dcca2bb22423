"""What lies on the disk beside the memory: crops of procedures, and a folder for each run. Folders 0700, files 0600.

screens/procedures/NAME/VERSION/   procedure.yaml and its crops
screens/runs/RUN/                  begun.json, ended.json, report.json, report.html; stop (a person's word)
screens/secrets/                   files with one secret each
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from opsagent.screens.errors import ProcedureError
from opsagent.screens.names import FOLDER, PROCEDURES
from opsagent_tools.gui.procedure import CROP_BYTES, is_crop_name

WRITTEN, CROPS_MOST = "procedure.yaml", 400
BEGUN, ENDED = "begun.json", "ended.json"
_RUN = re.compile(r"[0-9a-f]{16}")


def folder_of(home: Path) -> Path:
    """Return the folder of screens in a home, which may not be there yet."""
    return home / FOLDER


def version_folder(home: Path, name: str, version: int) -> Path:
    """Return where the files of one version are."""
    return folder_of(home) / PROCEDURES / quote(name, safe=" ") / str(version)


def is_run(name: str) -> bool:
    """Tell whether this is the name of a run."""
    return _RUN.fullmatch(name) is not None


def run_folder(home: Path, run: str) -> Path:
    """Return the folder of a run. ValueError: that is no name of one."""
    if not is_run(run):
        raise ValueError(f"not the name of a run: {run!r}")
    return folder_of(home) / "runs" / run


def made(folder: Path) -> Path:
    """Make a folder and those above it, for its owner only, up to one that is there."""
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
    return folder


def write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, for its owner only. Raises OSError, which names the file."""
    made(path.parent)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        beside.replace(path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # a full disk does not say whose
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_json(path: Path, value: Mapping[str, Any], *, durable: bool = False) -> None:
    """Write a JSON file; `durable`: it is on the disk when this returns. Raises OSError."""
    write(path, json.dumps(value, ensure_ascii=False, indent=1).encode())
    if durable:
        for place in (path, path.parent):
            descriptor = os.open(place, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return what a JSON file of ours says; None: there is none, or nothing that can be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def crops_in(folder: Path, names: Iterator[str]) -> dict[str, bytes]:
    """Return the crops of a folder that are named. Raises ProcedureError where one is missing, or is none."""
    found: dict[str, bytes] = {}
    for name in dict.fromkeys(names):
        path = folder / name
        if not is_crop_name(name):
            raise ProcedureError(f"{name!r} cannot be the name of a crop: it has to end in .png, in the same folder")
        try:
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        except OSError as error:
            raise ProcedureError(f"{path}: cannot be read ({error.strerror})") from error
        if not content.startswith(b"\x89PNG\r\n\x1a\n") or len(content) > CROP_BYTES:
            raise ProcedureError(f"{path}: is no crop: a PNG of at most {CROP_BYTES // 1_000_000} MB has to be there")
        found[name] = content
    if len(found) > CROPS_MOST:
        raise ProcedureError(f"{len(found)} crops: {CROPS_MOST} at most")
    return found


def hashes(crops: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each crop."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in crops.items()}


def keep_version(home: Path, name: str, version: int, text: str, crops: Mapping[str, bytes]) -> Path:
    """Write the files of a version; return its folder. Raises OSError."""
    folder = version_folder(home, name, version)
    for crop, content in crops.items():
        write(folder / crop, content)
    write(folder / WRITTEN, text.encode())
    return folder


def changed_crops(home: Path, name: str, version: int, wanted: Mapping[str, str]) -> tuple[str, ...]:
    """Return the crops that are not there as they were accepted; reads them all."""
    folder = version_folder(home, name, version)
    return tuple(crop for crop, digest in wanted.items() if _sha256(folder / crop) != digest)


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if not path.is_symlink() else ""
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class _Ran:
    folder: Path
    at: float
    size: int


def prune(home: Path, *, keep_days: int, keep_mb: int, now: float, but: str = "") -> int:
    """Remove reports that are too old, and the oldest where they take too much room; return how many. `but`: one that
    stays. What has not ended stays as well: it goes on elsewhere, or was cut short, and a person has to look at it.
    """
    runs = sorted(_runs(home), key=lambda ran: ran.at)
    room = keep_mb * 1_000_000
    total, gone = sum(ran.size for ran in runs), 0
    for ran in runs:
        if ran.folder.name == but or (total <= room and now - ran.at <= keep_days * 86_400):
            continue
        with contextlib.suppress(OSError):
            shutil.rmtree(ran.folder)
            total, gone = total - ran.size, gone + 1
    return gone


def _runs(home: Path) -> Iterator[_Ran]:
    with contextlib.suppress(OSError):
        for folder in (folder_of(home) / "runs").iterdir():
            if is_run(folder.name) and not folder.is_symlink():
                with contextlib.suppress(OSError):
                    if (folder / BEGUN).exists() and not (folder / ENDED).exists():
                        continue
                    files = [path.lstat() for path in folder.iterdir()]
                    yield _Ran(folder, folder.lstat().st_mtime, sum(file.st_size for file in files))
