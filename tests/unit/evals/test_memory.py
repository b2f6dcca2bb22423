"""`opsagent eval memory`: how recall is counted, what is read and refused, the yardsticks, what is printed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from opsagent_evals.memory import corpus, hits, locomo, picture, plain_chroma, recall_report, report, simulation, suite
from opsagent_evals.memory.bm25 import Bm25, words
from opsagent_evals.memory.hits import Asked
from opsagent_evals.memory.own_memory import OnceEmbedder, OwnMemory
from opsagent_evals.memory.parts import METHODS, Part
from opsagent_evals.memory.remedies import Score
from opsagent_memory.testing import HashEmbedder

TOTALS = ("recall_at_5_en", "recall_at_5_ko", "recall_at_5_en_distractors")


@pytest.fixture(autouse=True)
def _hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted does not depend on the model."""
    monkeypatch.setattr(suite, "make_embedder", HashEmbedder)
    monkeypatch.setattr(suite, "make_english", HashEmbedder)


def write(file: Path, *cases: Any) -> Path:
    file.write_text("".join(f"{case if isinstance(case, str) else json.dumps(case)}\n" for case in cases))
    return file


def case(document: str, *queries: tuple[str, str]) -> dict[str, Any]:
    return {"document": document, "queries": [{"text": text, "language": language} for text, language in queries]}


OWN = (
    case("disk full of logs on web3", ("web3 disk full", "en"), ("디스크 꽉 참", "ko")),
    case("certificate of the shop expired", ("certificate expired", "en"), ("certificat expiré", "fr")),
    case("nothing asks for this one"),
)


def test_the_shipped_cases_are_what_they_say() -> None:
    cases = corpus.shipped()
    assert len(cases.documents) == 60
    by_document = Counter((one.document, one.language) for one in cases.questions)
    assert set(by_document.values()) == {3}
    assert Counter(one.language for one in cases.questions) == {"en": 180, "ko": 180}
    assert all(bool(re.search("[가-힣]", one.text)) == (one.language == "ko") for one in cases.questions)
    assert len({one.text for one in cases.questions}) == 360
    others = corpus.distractors()
    assert len(others) == 240
    assert not set(others) & set(cases.documents)


def test_the_halves_are_chosen_by_hash() -> None:
    cases = corpus.shipped()
    ordered = sorted(cases.documents, key=lambda text: sha256(text.encode()).hexdigest())
    halves = {cases.documents[one.document]: one.half for one in cases.questions}
    assert [halves[text] for text in ordered] == ["dev"] * 30 + ["heldout"] * 30


def test_recall_counts_what_is_among_the_first() -> None:
    def asked(*ranks: int, right: int = 1) -> Asked:
        return Asked(text="", language="en", half="", right=range(right), ranks={"memory": ranks})

    found = hits.recall([asked(1), asked(5), asked(10), asked(), asked(2, 7, right=4)], "memory")
    assert found.at == {1: 1 / 5, 5: (2 + 1 / 4) / 5, 10: (3 + 2 / 4) / 5}
    low, high = found.interval(5)
    assert low < found.at[5] < high
    assert hits.recall([], "memory").interval(5) == (0.0, 1.0)


def test_the_interval_of_a_rate_is_wilsons() -> None:
    found = hits.Recall(questions=100, at={5: 0.9})
    assert found.interval(5) == pytest.approx((0.8256, 0.9448), abs=1e-4)


def test_korean_words_are_cut_into_pairs_of_syllables() -> None:
    assert list(words("Redis가 서버에서 OOM, a_b")) == ["redis", "가", "서버", "버에", "에서", "oom", "a", "b"]


def test_bm25_prefers_the_rare_word_and_the_short_text() -> None:
    ranker = Bm25(["disk full", "disk full of logs and of many other things", "disk slow", "redis slow"])
    assert ranker.rank("full disk", 5)[:2] == [0, 1]
    assert ranker.rank("redis disk", 1) == [3]
    assert ranker.rank("nothing in common", 5) == []
    assert Bm25([]).rank("disk", 5) == []


def test_plain_chroma_returns_places_and_no_more_than_there_are(tmp_path: Path) -> None:
    with plain_chroma.PlainChroma(tmp_path, HashEmbedder()) as chroma:
        shelf = chroma.shelf(["disk full of logs", "certificate expired"])
        assert shelf.rank("expired certificate", 10) == [1, 0]


def test_the_memory_is_asked_in_its_own_scope(tmp_path: Path) -> None:
    with OwnMemory(tmp_path, HashEmbedder()) as memory:
        first = memory.shelf("first", ["disk full of logs", "certificate expired"])
        memory.shelf("second", ["certificate expired twice"])
        assert first.rank("certificate expired", 5)[0] == 1
        assert set(first.rank("certificate expired", 5)) == {0, 1}


def test_each_text_is_embedded_once() -> None:
    class Counting(HashEmbedder):
        texts = 0

        def embed(self, texts: Any) -> Any:
            self.texts += len(texts)
            return super().embed(texts)

    inner = Counting()
    once = OnceEmbedder(inner)
    assert once.embed(["a", "b", "a"]).shape == (3, once.dimensions)
    assert (once.embed(["b"])[0] == inner.embed(["b"])[0]).all()
    assert once.embed([]).shape == (0, once.dimensions)
    assert inner.texts == 3
    assert (once.model_id, once.model_hash) == (inner.model_id, inner.model_hash)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1]", "a case must be an object"),
        ('{"queries": []}', "`document` must be a text"),
        ('{"document": " ", "queries": []}', "`document` must be a text"),
        ('{"document": "d"}', "`queries` must be a list"),
        ('{"document": "d", "queries": ["q"]}', "a query must be an object"),
        ('{"document": "d", "queries": [{"text": "q"}]}', "`language` must be a text"),
        ('{"document": "d", "queries": [{"text": 1, "language": "en"}]}', "`text` must be a text"),
        ('{"document": "d", "queries": [{"text": "q", "language": "en", "lang": 1}]}', "a query has no `lang`"),
        ('{"document": "d", "queries": [], "answer": 1}', "a case has no `answer`"),
        ('{"document": "first", "queries": []}', "the same document is in"),
    ],
)
def test_a_bad_case_is_refused_with_its_line(
    tmp_path: Path, line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "own.jsonl", case("first"), "", line)
    assert suite.run(cases=file) == 2
    err = capsys.readouterr().err
    assert f"{file}:3: " in err
    assert said in err


def test_cases_that_are_no_text_or_not_there_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary, empty = tmp_path / "binary", tmp_path / "empty"
    binary.write_bytes(b"\xff\xfe\x00")
    empty.write_text("\n\n")
    assert [suite.run(cases=path) for path in (binary, empty, tmp_path / "gone", tmp_path)] == [2] * 4
    err = capsys.readouterr().err
    assert "it is not UTF-8" in err
    assert "there is no case in it" in err


def test_own_cases_are_counted_by_language_and_nothing_else_is_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "own.jsonl", *OWN)
    assert suite.run(cases=file, as_json=True) == 0
    out, _ = capsys.readouterr()
    document = json.loads(out)
    totals = document["totals"]
    assert (document["suite"], totals["documents"], totals["questions"]) == ("memory", 3, 4)
    assert [totals[f"questions_{language}"] for language in ("en", "ko", "fr")] == [2, 1, 1]
    assert totals["recall_at_1_en"] == totals["bm25_recall_at_1_en"] == totals["chroma_recall_at_1_en"] == 1.0
    assert totals["recall_at_5_fr"] == 1.0
    assert not any(name.startswith(("regret", "locomo")) for name in totals)
    first = document["cases"][0]
    assert (first["text"], first["document"], first["ranks"]) == ("web3 disk full", 0, dict.fromkeys(METHODS, 1))
    assert document["runs"] == [totals]


def test_own_cases_without_questions_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.run(cases=write(tmp_path / "own.jsonl", case("only"))) == 2
    assert "asks" in capsys.readouterr().err


def test_tables_end_with_how_to_do_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "own cases.jsonl", *OWN)
    assert suite.run(cases=file) == 0
    out = capsys.readouterr().out
    assert f"again: opsagent eval memory --cases '{file}'" in out
    assert "fr" in out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "m"}, "no --model"),
        ({"repeat": 2}, "no --repeat"),
        ({"only": "nothing"}, "there is no part nothing"),
        ({"only": "locomo"}, "needs LoCoMo"),
        ({"cases": Path("x"), "only": "locomo"}, "leave --data and --only out"),
        ({"data": Path("/nowhere")}, "no locomo10.json"),
        ({"data": Path("/nowhere"), "only": "paraphrases"}, "--data is for the part locomo"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.run(**given) == 2
    assert said in capsys.readouterr().err


def test_paraphrases_tell_the_agreed_totals_and_fail_below_their_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hashed words cannot know what a paraphrase means, and must not pass."""
    some = corpus.shipped()
    few = corpus.Cases(documents=some.documents, questions=some.questions[::12])
    monkeypatch.setattr(corpus, "shipped", lambda: few)
    monkeypatch.setattr(corpus, "distractors", lambda: ("something else", "and another thing"))
    assert suite.run(only="paraphrases", as_json=True) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert set(TOTALS) <= document["totals"].keys()
    assert document["totals"]["bm25_recall_at_5_en"] < 0.9
    assert all(f"below the bar: {name} " in err for name in TOTALS)
    held = [one for one in document["cases"] if one["half"] == "heldout"]
    assert held
    assert all(("text" in one) == (one["half"] == "dev") for one in document["cases"])


def test_bars_are_held_by_what_keeps_them() -> None:
    kept = {**recall_report.PARAPHRASE_BARS, **recall_report.LOCOMO_BARS}
    assert recall_report.missed(kept) == []
    assert recall_report.missed({}) == []
    assert recall_report.missed({"locomo_recall_at_5": None}) == []
    assert recall_report.missed({**kept, "recall_at_5_ko": 0.59}) == ["recall_at_5_ko 0.59 is below 0.6"]
    assert recall_report.missed({**kept, "recall_at_5_ko_all": 0.59}) == ["recall_at_5_ko_all 0.59 is below 0.6"]


def sample(name: str) -> dict[str, Any]:
    def turn(place: int, text: str, **more: str) -> dict[str, str]:
        return {"speaker": "Ann", "dia_id": f"D1:{place}", "text": text, **more}

    return {
        "sample_id": name,
        "conversation": {
            "speaker_a": "Ann",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                turn(1, "I bought a red bicycle"),
                turn(2, "look", blip_caption="a dog in the snow"),
                turn(3, "the river was cold"),
            ],
            "session_2_date_time": "at some time",
            "session_2": [{"speaker": "Bob", "dia_id": "D2:1", "text": "no more tea"}],
        },
        "qa": [
            {"question": "Who bought a bicycle?", "answer": "Ann", "evidence": ["D1:1"], "category": 1},
            {"question": "dog and tea?", "evidence": ["D:1:02; D2:1"], "category": 3},
            {"question": "nothing says it", "evidence": ["D9:9"], "category": 2},
            {"question": "no evidence", "evidence": [], "category": 2},
            {"question": "adversarial", "evidence": ["D1:1"], "category": 5},
        ],
    }


def test_a_conversation_is_read_turn_by_turn(tmp_path: Path) -> None:
    file = write(tmp_path / "locomo10.json", [sample(f"c{number}") for number in range(7)])
    first, *others = locomo.read(file)
    assert first.turns[1] == "[8 May 2023] Ann: look [shows a dog in the snow]"
    assert first.questions == (
        ("Who bought a bicycle?", "1", frozenset({0})),
        ("dog and tea?", "3", frozenset({1, 3})),
    )
    assert first.left_out == 2
    assert list(first.times) == sorted(first.times)
    assert [one.held_out for one in (first, *others)] == [False] * 5 + [True] * 2


@pytest.mark.parametrize("place", ["locomo10.json", "data/locomo10.json", "locomo/data/locomo10.json"])
def test_locomo_is_found_where_a_checkout_has_it(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    assert locomo.find(tmp_path) == tmp_path / place


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", '[{"qa": []}]', "null"])
def test_what_is_not_locomo_is_refused(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "locomo10.json").write_text(text)
    assert suite.run(data=tmp_path) == 2
    assert "is not LoCoMo's" in capsys.readouterr().err


def test_locomo_is_counted_by_turns_with_the_held_out_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "locomo10.json", [sample(f"c{number}") for number in range(6)])
    assert suite.run(data=tmp_path, only="locomo", as_json=True) == 0
    totals = json.loads(capsys.readouterr().out)["totals"]
    assert (totals["locomo_questions"], totals["locomo_questions_heldout"], totals["locomo_left_out"]) == (12, 2, 12)
    assert totals["locomo_recall_at_5"] == totals["locomo_recall_at_10_heldout"] == 1.0
    assert 0 < totals["bm25_locomo_recall_at_5"] <= 1


def simulated(change: Callable[[str, str], float] = lambda setting, method: 0.0) -> simulation.Simulation:
    """Figures of a simulation, without one: 100 for the mixture, more for the others, and what `change` adds."""
    usual = {"mixture": 100.0, "knn_plain": 200.0, "knn_outcome": 150.0, "families": 120.0}

    def score(setting: str, method: str, mean: float) -> Score:
        regret = tuple(mean + change(setting, method) + seed % 3 for seed in range(10))
        over_time = tuple(mean * (at + 1) / 40 for at in range(40))
        return Score(regret=regret, accuracy=(0.5,) * 10, over_time=over_time)

    settings = ("stationary", "drift", "drift_noisy_outcome", "drift_noisy_embedding")
    return simulation.Simulation(
        designs={setting: {name: score(setting, name, mean) for name, mean in usual.items()} for setting in settings},
        ablation={
            setting: {name: score(setting, name, 100.0) for name in ("mixture", "without kernel")}
            for setting in settings
        },
    )


@pytest.fixture
def _few_singles(monkeypatch: pytest.MonkeyPatch) -> None:
    from opsagent_evals.memory import remedies

    few = {name: remedies.SINGLES[name] for name in ("knn_plain", "knn_outcome", "families")}
    monkeypatch.setattr(remedies, "SINGLES", few)


@pytest.mark.usefixtures("_few_singles")
def test_the_simulation_tells_regret_by_setting_and_method() -> None:
    totals = simulation.totals(simulated())
    assert totals["seeds"] == 10
    assert totals["regret"]["drift"] == {"mixture": 100.9, "knn_plain": 200.9, "knn_outcome": 150.9, "families": 120.9}
    low, high = totals["regret_interval"]["drift"]["mixture"]
    assert low < 100.9 < high
    assert totals["regret_best_single"]["drift"] == "families"
    assert totals["regret_beyond_best_single"]["drift"] == [-20.0, -20.0, -20.0]
    assert list(simulation.missed(simulated())) == []


@pytest.mark.usefixtures("_few_singles")
@pytest.mark.parametrize(
    ("setting", "method", "added", "said"),
    [
        ("stationary", "mixture", 30.0, "regret in stationary is 10 above that of families"),
        ("drift", "knn_plain", -50.0, "of that of knn_plain, above 0.6"),
        ("drift_noisy_outcome", "knn_outcome", -29.0, "of that of knn_outcome, above 0.8"),
    ],
)
def test_the_simulation_has_bars_that_can_be_missed(setting: str, method: str, added: float, said: str) -> None:
    found = simulated(lambda where, which: added if (where, which) == (setting, method) else 0.0)
    assert any(said in each for each in simulation.missed(found))


def test_the_picture_has_a_line_for_each_design_and_needs_nothing_from_elsewhere() -> None:
    drawn = picture.document(simulated())
    assert drawn.count("<svg") == drawn.count("</svg>") == 4
    assert drawn.count("<polyline") == 4 * 4
    assert drawn.count("stroke-dasharray") == 3
    assert "families 120" in drawn
    assert not re.search(r"<script|https?://|url\(", drawn)


@pytest.mark.usefixtures("_few_singles")
def test_what_is_kept_has_the_homes_and_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def workshop(*, keep: bool) -> AbstractContextManager[Path]:
        assert keep
        return nullcontext(tmp_path)

    monkeypatch.setattr(suite, "workshop", workshop)
    monkeypatch.setattr(simulation, "simulated", simulated)
    assert suite.run(only="simulation", keep=True) == 0
    assert (tmp_path / "regret.html").is_file()
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.usefixtures("_few_singles")
def test_the_whole_document_has_every_part() -> None:
    asked = tuple(
        Asked(text="q", language=language, half=half, right=(0,), ranks={method: [1] for method in METHODS})
        for language in ("en", "ko")
        for half in ("dev", "heldout")
    )
    results = report.Results(
        simulation=simulated(),
        paraphrases=(
            Part(name=recall_report.PARAPHRASES, documents=60, asked=asked),
            Part(name=recall_report.WITH_DISTRACTORS, documents=300, asked=asked),
        ),
        locomo_skipped="there is none",
    )
    document = report.document(results)
    assert {"regret", *TOTALS, "locomo_recall_at_5", "locomo_recall_at_10"} <= document["totals"].keys()
    assert {one["part"] for one in document["cases"]} == {"simulation", "ablation", "paraphrases", "distractors"}
    assert json.loads(json.dumps(document)) == document
    assert report.missed(results) == []
    assert len(report.tables(results)) == 3
