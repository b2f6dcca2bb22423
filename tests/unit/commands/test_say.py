"""What the reader says back: every offer is a command that it would take, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opsagent.commands import say, say_en, say_ko
from opsagent.commands.reader import read
from opsagent.commands.reading import CommandStep, Context, Language
from opsagent_tools.units import Unit, UnitId, UnitState

UNITS = tuple(Unit(id=UnitId("circus", name, "box"), state=UnitState.RUNNING, instances=2) for name in ("web", "api"))
CONTEXT = Context(procedures=("export report", "월말 정산"), now=datetime(2026, 1, 7, 12, tzinfo=UTC))


def step(tool: str, target: str | None = "web", **args: object) -> CommandStep:
    return CommandStep(tool=tool, target=target, args={key.rstrip("_"): value for key, value in args.items()})  # type: ignore[misc]


STEPS = [
    step("restart"), step("restart", safely=True), step("reload", safely=True), step("stop"), step("start"), step("rollback"),
    step("scale", replicas=4), step("hold"), step("hold", for_="2h"), step("resume"), step("resume", None),
    step("approve", None, id="7f3a"), step("deny", None, id="12"), step("teach", None, text="never stop web at night"),
    step("tail_logs"), step("tail_logs", lines=50), step("tail_logs", lines=50, since="2h"), step("search_logs", query="time out"),
    step("describe_process"), step("recall_incidents"), step("recall_incidents", None), step("list_processes", None),
    step("host_metrics", None), step("stop", "all"),
    *(step("restart", at=at) for at in ("03:00", "today 23:00", "tomorrow 03:00", "friday 17:00", "2026-12-01 03:00", "in 10m",
                                         "every day 03:00", "every monday 03:00", "every weekday 08:00", "every 2h")),
    *(step("restart", if_=condition) for condition in ("web is down", "web is up", "web is unhealthy", "api is stopped",
                                                       "web memory > 500M", "api cpu > 80%")),
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("wanted", STEPS, ids=str)
def test_an_offer_is_a_command(wanted: CommandStep, language: Language) -> None:
    reading = read(say.command(wanted, language), UNITS, CONTEXT)
    assert reading.ask is None, (say.command(wanted, language), reading.ask)
    assert [(one.tool, one.target, dict(one.args)) for one in reading.steps] == [
        (wanted.tool, wanted.target, dict(wanted.args))
    ]


def test_a_procedure_is_offered_by_its_name() -> None:
    said = say.command(step("run_gui_procedure", None, procedure="월말 정산"), "ko")
    assert read(said, UNITS, CONTEXT).steps[0].args["procedure"] == "월말 정산"


def test_both_languages_say_the_same_things() -> None:
    assert set(say_en.SENTENCES) == set(say_ko.SENTENCES)
    for key, sentence in say_en.SENTENCES.items():
        slots = {
            piece
            for piece in ("word", "offer", "why", "ids", "names", "count", "most", "char")
            if f"{{{piece}" in sentence
        }
        assert all(f"{{{slot}}}" in say_ko.SENTENCES[key] or slot == "word" for slot in slots), key


@pytest.mark.parametrize(
    ("word", "said"),
    [("web", "web는"), ("api", "api는"), ("cron", "cron은"), ("결제", "결제는"), ("웹", "웹은"), ("svc1", "svc1은")],
)
def test_particles_fit_the_sound_before_them(word: str, said: str) -> None:
    assert say_ko.topic(word, "은", "는") == said


@pytest.mark.parametrize(
    "text",
    ["", "web 재시작할까?", "없는거 재시작해줘", "web 죽여줘", "가" * 500, "web\u200b 재시작", "web을 99개로 늘려줘"],
)
def test_a_korean_question_is_answered_in_korean(text: str) -> None:
    reading = read(text, UNITS)
    assert reading.ask is not None
    if text:
        assert reading.language == "ko"
        assert any("가" <= char <= "힣" for char in reading.ask.question)
