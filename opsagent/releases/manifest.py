"""What a release consists of, as a private file that is known by its SHA-256: the journal's row names no more than that.

Contents of files are kept beside it by *their* SHA-256 (`opsagent.kept_contents.keep`). Of what is secret only a keyed hash is
written: enough to tell that it is there and whether it is the same, and nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from opsagent.kept_contents import content_path, keep
from opsagent_tools.files import UnsafeFile, sha256_of
from opsagent_tools.units import UnitId

_VERSION = 1
Kind = Literal["link", "git", "files", "setup"]
"""`link`: a link leads to the release's folder; `git`: a work tree; `files`: a plain folder; `setup`: no folder of its own."""


@dataclass(frozen=True, slots=True, order=True)
class Content:
    """A file's content and mode. The empty SHA-256 means that there is no such file."""

    sha256: str
    mode: int = 0o644

    @property
    def there(self) -> bool:
        return bool(self.sha256)


ABSENT = Content("", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One release of one unit. Equal manifests are the same release."""

    unit: UnitId
    kind: Kind
    root: str = ""
    """The folder that `files` are relative to; of a `link`, the one that it leads to."""
    link: str = ""
    """Of a `link`: the link itself."""
    target: str = ""
    """… and where it leads, as it is written."""
    commit: str = ""
    branch: str = ""
    files: Mapping[str, Content] = field(default_factory=dict)
    config: Mapping[str, Content] = field(default_factory=dict)
    """Configuration files that a person named, by absolute path."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Files with secrets, relative to the root, by reference: keyed hash of the content, which stays where it is."""
    left_out: str = ""
    """Why `files` does not hold the whole of it; empty where it does."""
    setup: Mapping[str, str] = field(default_factory=dict)
    """What its supervisor was told, masked: command, cwd, script, shape, file."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that its supervisor was told, each with the keyed hash of its value."""

    def __post_init__(self) -> None:
        for name in ("files", "config", "secrets", "setup", "env"):
            object.__setattr__(self, name, MappingProxyType(dict(sorted(getattr(self, name).items()))))

    @property
    def label(self) -> str:
        """Return how a person would name it."""
        if self.kind == "link":
            return Path(self.target).name
        if self.commit:
            return f"{self.commit[:10]} ({self.branch or 'detached'})"
        return f"files {sha256_of(self.to_bytes())[:10]}" if self.files else f"setup {sha256_of(self.to_bytes())[:10]}"

    def to_bytes(self) -> bytes:
        """Return it as it is kept."""
        plain = {name: _plain(value) for name, value in _fields(self).items()}
        return json.dumps({"version": _VERSION, **plain, "unit": str(self.unit)}, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Manifest:
        """Read what `to_bytes` wrote. Raises ValueError."""
        try:
            found = json.loads(raw)
            if found.pop("version") != _VERSION:
                raise ValueError("of another version of opsagent")
            unit = UnitId.parse(found.pop("unit"))
            for name in ("files", "config"):
                found[name] = {path: Content(str(sha), int(mode)) for path, (sha, mode) in found[name].items()}
            return cls(unit=unit, **found)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no manifest of a release: {error}") from error

    def keep(self, folder: Path) -> str:
        """Keep it (0600) and return its SHA-256."""
        return keep(folder, self.to_bytes())


def load(folder: Path, sha256: str) -> Manifest:
    """Return a kept manifest. Raises UnsafeFile where it is gone or is not what it was."""
    try:
        raw = content_path(folder, sha256).read_bytes()
        if sha256_of(raw) != sha256:
            raise UnsafeFile(f"what is kept of release {sha256[:10]} is damaged")
        return Manifest.from_bytes(raw)
    except FileNotFoundError as error:
        raise UnsafeFile(f"what was kept of release {sha256[:10]} is gone") from error
    except ValueError as error:
        raise UnsafeFile(f"release {sha256[:10]}: {error}") from error


def content_of(folder: Path, sha256: str) -> bytes:
    """Return a kept content. Raises UnsafeFile where it is gone or is not what it was."""
    try:
        content = content_path(folder, sha256).read_bytes()
    except FileNotFoundError as error:
        raise UnsafeFile(f"the kept content {sha256[:12]} is gone") from error
    if sha256_of(content) != sha256:
        raise UnsafeFile(f"the kept content {sha256[:12]} is damaged")
    return content


def _fields(manifest: Manifest) -> dict[str, Any]:
    return {name: getattr(manifest, name) for name in manifest.__slots__}


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return {key: [one.sha256, one.mode] if isinstance(one, Content) else one for key, one in value.items()}
    return value if isinstance(value, str) else str(value)
