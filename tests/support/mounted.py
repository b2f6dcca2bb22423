"""A small file system of its own, for tests that fill one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def scratch_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """Mount an ext4 file system of this size at `folder`; skips, with the reason, where that cannot be."""
    image = folder.with_suffix(".img")
    folder.mkdir()
    if os.geteuid() != 0 or any(shutil.which(tool) is None for tool in ("mkfs.ext4", "mount", "umount")):
        pytest.skip("mounting takes root, mkfs.ext4 and mount")
    with image.open("wb") as file:
        file.truncate(megabytes * 1_000_000)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], check=True, capture_output=True)
    mounted = subprocess.run(
        ["mount", "-o", "loop", str(image), str(folder)], check=False, capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no loop mount here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)
        image.unlink()
