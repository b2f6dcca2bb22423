"""The simulation of remedies: the same for all designs, repeatable, and sure of what it says (short histories)."""

from __future__ import annotations

import numpy as np
import pytest

from opsagent_evals.memory import remedies, remedies_world
from opsagent_evals.memory.remedies import ABLATION, METHODS, MIXTURE, SINGLES, difference, interval, simulate
from opsagent_evals.memory.remedies_world import CLASSES, REMEDIES, SETTINGS, world


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remedies_world, "INCIDENTS", 240)


def test_settings_differ_in_the_one_thing_that_they_are_named_for() -> None:
    still, drift, outcome, embedding = (world((1, 2), setting) for setting in SETTINGS)
    for other in (drift, outcome, embedding):
        assert np.array_equal(other.classes, still.classes)
        assert np.array_equal(other.luck, still.luck)
    half = still.classes.shape[1] // 2
    assert np.array_equal(drift.chances[:, :half], still.chances[:, :half])
    moved = drift.chances[:, half:].argmax(axis=2) != still.chances[:, half:].argmax(axis=2)
    assert {int(one) for one in drift.classes[:, half:][moved]} <= set(range(1, CLASSES, 2))
    assert moved.any()
    assert np.array_equal(drift.vectors, outcome.vectors)
    assert (outcome.chances.max(axis=2) < drift.chances.max(axis=2)).all()
    assert np.array_equal(embedding.chances, drift.chances)
    same = still.classes[:, :, None] == still.classes[:, None, :]
    assert still.cosines[same].mean() > embedding.cosines[same].mean() > embedding.cosines[~same].mean()


def test_a_seed_is_the_same_history_whatever_its_batch() -> None:
    alone, among = world((7,), "drift"), world((3, 7), "drift")
    assert np.array_equal(alone.vectors[0], among.vectors[1])
    assert np.array_equal(alone.luck[0], among.luck[1])


def test_all_methods_run_and_the_same_seeds_give_the_same_figures() -> None:
    told: list[str] = []
    once = simulate((11, 12), ("drift",), progress=told.append)
    again = simulate((11, 12), ("drift",), (MIXTURE, "random"))
    assert list(once["drift"]) == list(METHODS)
    assert len(told) == len(METHODS)
    assert once["drift"][MIXTURE] == again["drift"][MIXTURE]
    regret = {method: np.mean(score.regret) for method, score in once["drift"].items()}
    for method in (MIXTURE, "families_decay", "knn_outcome", "true_class"):
        assert regret[method] < regret["random"]
    accuracy = once["drift"]["random"].accuracy
    assert np.mean(accuracy) == pytest.approx(1 / REMEDIES, abs=0.06)


def test_each_part_can_be_left_out() -> None:
    found = remedies.ablation((11,), ("stationary",))["stationary"]
    assert set(found) == {MIXTURE, *ABLATION}
    regrets = {score.regret for score in found.values()}
    assert len(regrets) > len(found) // 2  # the switches do something


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="no setting"):
        simulate((1,), ("weather",))
    with pytest.raises(ValueError, match="no method"):
        simulate((1,), ("drift",), ("crystal_ball",))


def test_an_interval_is_students() -> None:
    mean, low, high = interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    assert mean == 5.5
    assert high - mean == pytest.approx(2.262157 * 3.0276504 / 10**0.5, rel=1e-3)
    assert mean - low == pytest.approx(high - mean)
    assert interval([3.0])[1:] == (float("-inf"), float("inf"))


def test_designs_are_compared_seed_by_seed() -> None:
    def scored(*regret: float) -> remedies.Score:
        return remedies.Score(regret=regret, accuracy=(0.0,) * len(regret))

    results = {"drift": {"a": scored(10.0, 20.0, 30.0), "b": scored(11.0, 21.0, 31.0)}}
    assert difference(results, "drift", "a", "b") == (-1.0, -1.0, -1.0)


def test_the_best_single_design_is_none_of_the_references() -> None:
    scores = {name: remedies.Score(regret=(100.0,), accuracy=(0.0,)) for name in SINGLES}
    scores |= {"true_class": remedies.Score(regret=(1.0,), accuracy=(1.0,))}
    scores["linucb"] = remedies.Score(regret=(50.0,), accuracy=(0.5,))
    assert remedies.best_single({"drift": scores}, "drift") == "linucb"
