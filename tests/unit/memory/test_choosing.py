"""Which model embeds: by one setting, with LangChain's models as a source, and never another one unnoticed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from opsagent_memory import EmbedderError
from opsagent_memory.bilingual import BilingualEmbedder
from opsagent_memory.choosing import embedder_for
from opsagent_memory.langchain.models import _unsteered
from opsagent_memory.served import LangChainEmbedder


class Served(Embeddings):
    """A model as a server has it: nearly the same vector each time, until somebody swaps it, or takes it away."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.fake = DeterministicFakeEmbedding(size=16)
        self.salt = ""
        self.noise = np.random.default_rng(1)
        self.fault: Exception | None = None
        self.never = threading.Event()
        self.hangs = False

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if self.fault:
            raise self.fault
        if self.hangs:
            self.never.wait(30)
        self.seen += texts
        vectors = np.array(self.fake.embed_documents([self.salt + text for text in texts]))
        return [list(row) for row in vectors + self.noise.normal(0, 1e-4, vectors.shape)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@pytest.fixture
def served() -> Any:
    model = Served()
    yield model
    model.never.set()


def reached(folder: Path, served: Served, **more: Any) -> LangChainEmbedder:
    return LangChainEmbedder("fake:model", folder, make=lambda: served, **more)


def test_the_built_in_model_is_the_bilingual_one(tmp_path: Path) -> None:
    assert isinstance(embedder_for("builtin", tmp_path), BilingualEmbedder)


@pytest.mark.parametrize("setting", ["", "minilm", ":model", "ollama:", {}, {"langchain": 3}])
def test_what_names_no_model_is_refused(tmp_path: Path, setting: Any) -> None:
    with pytest.raises(EmbedderError, match=r'names no embedding model: write "builtin", or "PROVIDER:MODEL"'):
        embedder_for(setting, tmp_path)


def test_a_setting_loads_nothing_and_asks_nobody(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from opsagent_memory.choosing import embedder_for;"
        "e = embedder_for({'langchain': 'openai:text-embedding-3-small', 'dimensions': 256}, Path(sys.argv[1]));"
        "assert e.model_id == 'langchain:openai:text-embedding-3-small', e.model_id;"
        "assert not {'langchain', 'langchain_core', 'numpy', 'openai'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []


def test_a_provider_whose_package_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match=r"langchain:mistralai:x is away: .*langchain-mistralai"):
        embedder_for("mistralai:x", tmp_path).embed(["x"])


def test_vectors_have_length_one_and_the_order_of_the_texts(tmp_path: Path, served: Served) -> None:
    model = reached(tmp_path, served)
    rows = model.embed([f"text {at}" for at in range(130)])
    assert rows.shape == (130, 16)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.allclose(rows[100], model.embed(["text 100"])[0], atol=1e-2)
    assert model.embed([]).shape == (0, 16)


def test_a_space_is_known_again_after_a_start_though_a_server_is_not_exact(tmp_path: Path, served: Served) -> None:
    first = reached(tmp_path, served)
    assert first.model_hash == "unknown"
    assert first.dimensions == 16
    known = first.model_hash
    assert len(known) == 64
    again = reached(tmp_path, served)
    assert (again.model_hash, again.dimensions) == (known, 16)  # before it was asked
    again.embed(["x"])
    assert again.model_hash == known
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_swapped_model_is_noticed_and_has_another_space_with_the_next_start(tmp_path: Path, served: Served) -> None:
    known = reached(tmp_path, served)
    known.embed(["x"])
    served.salt = "another model "
    swapped = reached(tmp_path, served)
    with pytest.raises(EmbedderError, match="not the model that it was"):
        swapped.embed(["x"])
    after = reached(tmp_path, served)
    after.embed(["x"])
    assert after.model_hash != known.model_hash


def test_other_settings_are_another_space_but_another_key_is_not(tmp_path: Path, served: Served) -> None:
    hashes = []
    for settings in ({"dimensions": 16}, {"dimensions": 16, "api_key": "new"}, {"dimensions": 8}):
        model = reached(tmp_path, served, settings=settings)
        model.embed(["x"])
        hashes.append(model.model_hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_secrets_are_masked_before_they_leave(tmp_path: Path, served: Served) -> None:
    reached(tmp_path, served, redact=lambda text: text.replace("hunter2", "***")).embed(["password hunter2"])
    assert served.seen[-1] == "password ***"


def test_secrets_that_a_provider_repeats_are_masked(tmp_path: Path, served: Served) -> None:
    served.fault = PermissionError("wrong key hunter2")
    with pytest.raises(EmbedderError, match=r"is away: PermissionError: wrong key \*\*\*$"):
        reached(tmp_path, served, redact=lambda text: text.replace("hunter2", "***")).embed(["x"])


def test_a_model_that_is_away_fails_clearly_and_is_left_alone_for_a_while(tmp_path: Path, served: Served) -> None:
    model = reached(tmp_path, served)
    served.fault = ConnectionError("refused\nby somebody")
    with pytest.raises(EmbedderError, match=r"^langchain:fake:model is away: ConnectionError: refused by somebody$"):
        model.embed(["x"])
    served.fault = None
    with pytest.raises(EmbedderError, match="is away"):
        model.embed(["x"])
    assert served.seen == []
    model._away_until = 0.0
    assert model.embed(["x"]).shape == (1, 16)


def test_a_model_that_never_answers_blocks_nobody(tmp_path: Path, served: Served) -> None:
    served.hangs = True
    with pytest.raises(EmbedderError, match=r"TimeoutError: no answer within 0\.05 s"):
        reached(tmp_path, served, asked_for_s=0.05).embed(["x"])


@pytest.mark.parametrize("answer", [[[0.0] * 16], [[float("nan")] * 16], [[1.0] * 16] * 2, [1.0]])
def test_nonsense_is_refused(tmp_path: Path, served: Served, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "embed_documents", lambda texts: answer)
    with pytest.raises(EmbedderError):
        reached(tmp_path, served).embed(["x"])


def test_the_environment_steers_no_text_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere")
    monkeypatch.setenv("OLLAMA_HOST", "http://elsewhere")
    with _unsteered():
        assert not {"OPENAI_BASE_URL", "OLLAMA_HOST"} & set(os.environ)
    assert os.environ["OLLAMA_HOST"] == "http://elsewhere"
