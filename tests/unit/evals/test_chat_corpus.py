"""The corpus of commands and the model made from it: what is in it, that it is made the same way every time, and that
the reader, put to it, changes nothing wrongly.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from opsagent.commands import intents
from opsagent_evals.chat import train
from opsagent_evals.chat.cases import read_calls
from opsagent_evals.chat.corpus import expand, put
from opsagent_tools.registry import SPOKEN


def test_the_corpus_has_every_tool_in_both_languages_and_a_third_to_abstain_from() -> None:
    every = expand.sentences()
    found = Counter((one.intent, one.language) for one in every)
    wanted = {(str(tool), language) for tool in (*SPOKEN, "abstain", "several") for language in ("en", "ko")}
    assert {kind for kind in wanted if found[kind] < 20} == set()
    assert len(every) > 7_000
    assert sum(one.single for one in every) > 1_000
    assert 0.28 < sum(one.intent == "abstain" for one in every) / len(every) < 0.38


def test_what_a_sentence_asks_for_is_written_as_in_chat_cases() -> None:
    for calls in {one.calls for one in expand.sentences() if one.intent != "several"}:
        for alternative in calls.split("||"):
            read_calls(alternative)


def test_the_same_sentences_come_out_every_time() -> None:
    for path in expand.files()[-2:]:
        once = list(expand.of_file(path))
        assert once
        assert list(expand.of_file(path)) == once


@pytest.mark.parametrize("phrase", ["restart (a|b", "a) b", "$nobody {u}", "restart {what}"])
def test_a_phrase_that_cannot_be_read_names_its_line(phrase: str, tmp_path: Path) -> None:
    path = tmp_path / "en_broken.txt"
    path.write_text(f"> restart({{u}})\n{phrase}\n", encoding="utf-8")
    with pytest.raises(expand.CorpusError, match=r"en_broken.txt:2: "):
        list(expand.of_file(path))


def test_the_weights_are_those_that_training_makes_from_the_corpus() -> None:
    assert intents.load().source == train.source(), "make them anew: python -m opsagent_evals.chat.train"


def test_training_makes_the_same_weights_every_time_and_learns_what_it_saw(tmp_path: Path) -> None:
    few = [one for one in expand.sentences()[::30] if one.intent in {"restart", "tail_logs", "abstain"}]
    numbers = train.material(few)
    limits = {"read": 0.9, "offer": 0.4, "abstain": 0.9}
    paths = (tmp_path / "one.bin", tmp_path / "other.bin")
    for path in paths:
        weights = train.train(numbers, steps=60)
        train.write(weights, 1.0, limits, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert intents.load(paths[0]).classes == train.CLASSES
    shares = train.softmax(weights.scores(numbers))
    assert (shares.argmax(axis=1) == numbers.intents).mean() > 0.9


def test_no_sentence_is_planned_as_a_change_that_it_does_not_ask_for() -> None:
    """The whole corpus is put to the reader by `python -m opsagent_evals.chat.corpus.put`; here a part of it."""
    wrong = [str(one) for one in put.put(put.sample(31)) if one.verdict == "wrong_change"]
    assert wrong == []
