"""What the C library holds on to is given back."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

GROWN = """
import threading, time
from opsagent import footprint
assert footprint.few_arenas()
def work():
    kept = [bytes(1000) for _ in range(20_000)]
    time.sleep(0.05)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(footprint.give_back())
"""


@pytest.mark.skipif(
    not hasattr(os, "confstr") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="needs glibc"
)
def test_threads_share_arenas_and_what_is_free_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", GROWN], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("True", "")
