"""Korean said in English: the gloss, its lexicons, and the space that both languages share."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_memory import korean
from opsagent_memory.bilingual import BilingualEmbedder
from opsagent_memory.embed import MiniLmEmbedder
from opsagent_memory.korean.gloss import Lexicon
from opsagent_memory.korean.jamo import letters, starts_syllable, stem_forms
from opsagent_memory.testing import HashEmbedder

LEXICON = """
# English : forms
disk : 디스크
disk full : 디스크 꽉 차~
full : 꽉 차~
died : 죽~
slow : 느리~
heavy : 무겁~
flows : 흐르~
not running : 안 돌~
queue : 큐
memory : 메모리
not enough : 부족~
: 있~, 것 같~
"""


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.read(LEXICON, {"포트폴리오": "portfolio", "결재": "approval"})


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("디스크가 죽었어요", "disk died"),
        ("디스크 꽉 찼다", "disk full"),  # 차다 melts into 찼다
        ("디스크꽉차서", "disk full"),  # without its spaces
        ("느려요", "slow"),
        ("느립니다", "slow"),
        ("무거워서 죽을 것 같아요", "heavy died"),
        ("물이 흘러", "flows"),
        ("안 돌아가요", "not running"),
        ("메모리부족", "memory not enough"),  # words that are written together
        ("메모리가 부족해서 api가 죽음", "memory not enough api died"),
        ("nginx 502 에러", "nginx 502"),  # what is not known is left out
        ("큐가 있어요", "queue"),
        ("큐빅", ""),  # one syllable is no word because a longer one begins with it
        ("죽마고우", ""),
        ("포트폴리오의 결재를", "portfolio approval"),  # learnt words lose their particles
        ("errno=28, 디스크", "errno=28, disk"),
        ("no Korean at all", "no Korean at all"),
        ("", ""),
    ],
)
def test_korean_is_said_in_english(lexicon: Lexicon, said: str, meant: str) -> None:
    assert lexicon.gloss(said) == meant


def test_stems_take_the_shapes_that_endings_give_them() -> None:
    assert letters("느려") in stem_forms(letters("느리"))
    assert letters("멈춰") in stem_forms(letters("멈추"))
    assert letters("실패해") in stem_forms(letters("실패하"))
    assert letters("바빠") in stem_forms(letters("바쁘"))
    assert letters("몰라") in stem_forms(letters("모르"))
    assert letters("무거워") in stem_forms(letters("무겁"))


def test_letters_of_other_scripts_stay() -> None:
    assert letters("api죽다") == "api" + letters("죽") + letters("다")
    assert [starts_syllable(letter) for letter in letters("죽")] == [True, False, False]


@given(
    st.text(alphabet=st.one_of(st.characters(), st.sampled_from("죽었디스크 꽉차서메모리가안돌아 \n")), max_size=200)
)
@settings(max_examples=200, deadline=None)
def test_any_text_is_glossed_without_any_hangul_left(text: str) -> None:
    assert not any("가" <= char <= "힣" for char in korean.gloss(text))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("디스크 꽉 찼다", {"disk", "full"}),
        ("서버가 먹통이에요", {"server", "hangs"}),
        ("api가 OOM으로 죽음", {"api", "OOM", "died"}),
        ("nginx 502 에러 나요", {"nginx", "502", "error"}),
        ("데몬이 안 떠요", {"daemon", "does", "not", "start"}),
        ("디비에 안 붙어요", {"database", "cannot", "connect"}),
        ("프로그램이 자꾸 튕김", {"program", "crash"}),
        ("서버 뻗었다", {"server", "crashed"}),
        ("너무 느려요", {"slow"}),
        ("재시작했는데 또 죽었습니다", {"restart", "again", "died"}),
    ],
)
def test_operators_are_understood_as_they_write(said: str, words: set[str]) -> None:
    assert words <= set(korean.gloss(said).split())


def test_the_lexicon_says_each_form_once() -> None:
    lines = [line for line in korean._text("lexicon.txt").splitlines() if line and not line.startswith("#")]
    forms = [form.strip() for line in lines for form in line.partition(":")[2].split(",")]
    assert sorted(form for form in set(forms) if forms.count(form) > 1) == []
    assert all(":" in line for line in lines)


def test_learnt_words_are_words() -> None:
    rows = [line.split("\t") for line in korean._text("learnt.tsv").splitlines()]
    assert len(rows) > 2_000
    assert all(len(row) == 2 and len(row[0]) >= 2 and " " not in row[0] and row[1].isascii() for row in rows)


def test_english_has_the_very_vector_of_the_english_model() -> None:
    texts = ["nothing to see here", "the queue grows", "ünïcode 한"[:7]]
    english = HashEmbedder()
    assert np.array_equal(BilingualEmbedder(english).embed(texts), english.embed(texts))


def test_korean_that_nobody_knows_is_left_to_the_model() -> None:
    english = HashEmbedder()
    assert np.array_equal(BilingualEmbedder(english).embed(["쀍쀍"]), english.embed(["쀍쀍"]))


def test_the_space_depends_on_the_model_and_the_lexicons(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = BilingualEmbedder(), BilingualEmbedder(HashEmbedder())
    assert len({one.model_hash, other.model_hash, MiniLmEmbedder.model_hash}) == 3
    assert one.model_id == "all-MiniLM-L6-v2-onnx-int8+operations"
    monkeypatch.setattr(korean, "digest", lambda: "another lexicon")
    assert BilingualEmbedder().model_hash != one.model_hash


def test_nothing_is_read_before_it_is_needed() -> None:
    code = (
        "import sys; from opsagent_memory.bilingual import BilingualEmbedder; e = BilingualEmbedder(); e.dimensions;"
        "bad = {'numpy', 'onnxruntime', 'tokenizers'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_korean_finds_english_and_english_finds_korean() -> None:
    model = BilingualEmbedder()
    documents = model.embed(
        [
            "The root filesystem is full: no space left on device.",
            "The TLS certificate has expired.",
            "The worker was killed: out of memory.",
            "결제 서버는 새벽 1시부터 3시까지 재시작하지 마세요.",
        ]
    )
    asked = model.embed(
        [
            "디스크가 꽉 찼어요",
            "인증서 만료됨",
            "메모리 모자라서 워커가 죽었어",
            "when may the payment server not be restarted",
        ]
    )
    assert (asked @ documents.T).argmax(axis=1).tolist() == [0, 1, 2, 3]
