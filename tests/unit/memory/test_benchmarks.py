"""What the benchmarks of memory stand on: texts and vectors like real ones, yardsticks that answer, the plot."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from opsagent_memory.testing import HashEmbedder
from tests.benchmarks import report
from tests.benchmarks.memory_material import BESIDE, SCOPE, PreparedEmbedder, episodes, questions
from tests.benchmarks.memory_yardsticks import NoSqliteVec, PlainChroma, SqliteVec


@pytest.fixture(scope="module")
def prepared() -> PreparedEmbedder:
    return PreparedEmbedder(HashEmbedder())


def test_no_two_texts_are_the_same_and_the_same_number_gives_the_same_text() -> None:
    made = episodes(0, 2_000)
    assert len({one.text for one in made}) == len({one.id for one in made}) == 2_000
    assert [one.text for one in episodes(1_000, 10)] == [one.text for one in made[1_000:1_010]]
    assert episodes(0, 1, BESIDE)[0].scope == BESIDE


def test_made_up_vectors_lie_together_as_incidents_of_one_cause_do(prepared: PreparedEmbedder) -> None:
    texts = [one.text for one in episodes(0, 3_000)]
    vectors = prepared.embed(texts)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (prepared.embed(texts[:5]) == vectors[:5]).all()
    first = texts[0].partition(":")[0]
    same = [place for place, text in enumerate(texts) if text.partition(":")[0] == first]
    alike = vectors[same] @ vectors[same].T
    assert 0.6 < np.median(alike[np.triu_indices(len(same), 1)]) < 0.85
    others = [place for place in range(len(texts)) if place not in same]
    assert np.median(vectors[same[0]] @ vectors[others].T) < 0.4


def test_a_question_goes_to_the_model_and_no_other_text_does(prepared: PreparedEmbedder) -> None:
    asked = list(islice(questions("ko", 1), 400))
    assert len(set(asked)) == 400
    prepared.asked(asked[:1])
    assert (prepared.embed(asked[:1]) == HashEmbedder().embed(asked[:1])).all()
    assert not (prepared.embed(asked[1:2]) == HashEmbedder().embed(asked[1:2])).all()
    assert (prepared.embed(asked[:2])[0] == HashEmbedder().embed(asked[:1])[0]).all()


@pytest.mark.parametrize("kind", ["chroma", "sqlite-vec"])
def test_the_yardsticks_find_what_is_nearest_in_a_scope(tmp_path: Path, kind: str, prepared: PreparedEmbedder) -> None:
    made = [*episodes(0, 50), *episodes(0, 5, BESIDE)]
    vectors = prepared.embed([one.text for one in made])
    try:
        store = PlainChroma(tmp_path) if kind == "chroma" else SqliteVec(tmp_path / "vec.db")
    except NoSqliteVec as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    store.put([one.id for one in made], [one.scope for one in made], vectors)
    found = store.nearest(vectors[50], SCOPE)
    cosines = vectors[:50] @ vectors[50]
    assert found == [made[place].id for place in np.argsort(-cosines)[:5]]
    assert store.nearest(vectors[50], BESIDE)[0] == made[50].id
    store.close()


def row(what: str, value: float, plot: tuple[str, int] | None) -> dict[str, object]:
    return {"what": what, "value": value, "unit": "ms", "bar": None, "note": "", "plot": plot}


def test_growth_is_drawn_to_one_scale() -> None:
    rows = [row("b", 30.0, ("memory", 100_000)), row("a", 15.0, ("memory", 10_000)), row("c", 60.0, ("Chroma", 10_000))]
    lines = report.plot([*rows, row("not drawn", 1.0, None)]).split("\n")
    bars = [line for line in lines if "█" in line]
    assert [line.count("█") for line in bars] == [15, 30, 60]
    assert bars[0].startswith("memory    10,000 ")
    assert report.plot([row("not drawn", 1.0, None)]) == ""
