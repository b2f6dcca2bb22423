"""What answers say: the same in both languages, and Korean particles as they are pronounced."""

from __future__ import annotations

import re
import string

import pytest

from opsagent.answering import answers
from opsagent.answering.words import CAUSES_KO, EN, KO, Say, with_particle
from opsagent.model import Cause
from opsagent.telling.words import Words
from opsagent_tools.registry import READING


def fields(text: str) -> set[str]:
    named = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    return {re.sub("_[은이]$", "", name) for name in named}


def test_both_languages_say_the_same_things() -> None:
    assert list(EN) == list(KO)
    for key, said in EN.items():
        one = {"n"} if key.endswith(".one") else set()  # in English `one` may stand for it
        assert fields(said) | one == fields(KO[key]) | one, key


def test_every_cause_has_a_korean_name() -> None:
    assert set(CAUSES_KO) == {cause.value for cause in Cause}


def test_every_reading_tool_is_answered() -> None:
    assert set(answers._TOOLS) == set(READING)


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("redis", "redis는"), ("web", "web은"), ("api", "api는"), ("mail", "mail은"), ("cron", "cron은"), ("net", "net은"),
        ("gateway", "gateway는"), ("worker", "worker는"), ("v2", "v2는"), ("v3", "v3은"), ("결제", "결제는"), ("주문", "주문은"),
    ],
)  # fmt: skip
def test_a_name_has_the_particle_of_its_sound(name: str, topic: str) -> None:
    assert with_particle(name, "은") == topic
    assert Say(Words("ko"))("up.starting", name=name) == f"{topic} 시작하는 중입니다"
