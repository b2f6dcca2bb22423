"""The miner: keys that last, templates that merge and never hide an error, bounds, state."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_tools.logs.masking import may_have_status, outline, rough_outline
from opsagent_tools.logs.miner import Miner, MinerLimits

USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
LINES = [
    *(f"session of {user} on the build machine was archived" for user in USERS),
    *(f"request {number} took {number * 7} ms" for number in range(20)),
    "cache is warm",
    'GET /a HTTP/1.1" 200 12',
    'GET /a HTTP/1.1" 503 12',
]


def keys(lines: list[str]) -> list[str]:
    miner = Miner()
    return [miner.add(line).key for line in lines]


@pytest.mark.parametrize("part", ["_", "A_", "-_", "a", "Ab", "=", "'", '"', "{", "a/", "a.b", "(<"])
def test_no_line_is_slow_to_read(part: str) -> None:
    line = "start 1 (2) = x " + (part * 2000)[:2000]
    took = []
    for _ in range(3):
        Miner.forget_words()
        began = time.process_time()
        Miner().add(line)
        took.append(time.process_time() - began)
    assert min(took) < 0.04, (
        "a few milliseconds are usual; what looks at each character again for each is ten times slower"
    )


def test_parameters_are_typed() -> None:
    miner = Miner()
    line = (
        "worker-7 sent 3 KB to 10.0.0.1:80 from /var/log/x in 1.5 s, see https://a.example/b?c=1"
        " for 3f2504e0-4f89-11d3-9a0c-0305e82c3301, name='it'"
    )
    assert miner.add(line).template == ("<id> sent <n> to <addr> from <path> in <dur>, see <url> for <id>, name=<str>")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a [client 10.0.0.1] did x", "a [client ::1] did x"),
        ("blocks blk_1 blk_2 done", "blocks blk_1 blk_2 blk_3 done"),
        ("ids [1, 2, 3] kept", "ids [1] kept"),
        ("args ['a', 'b'] kept", "args ['c', 'd', 'e'] kept"),
        ("at Fri Jun 17 07:07:00 2005 it ended", "at Sat Jul  2 19:07:00 2011 it ended"),
        ("sent 300 bytes (1 KB) of it", "sent 0 bytes of it"),
        ("lasted <1 sec of it", "lasted 00:17 of it"),
        ("enabled=true x", "enabled=false x"),
        ('said "a b" twice', "said 'c' twice"),
        ("login of user bob", "login of user alice"),
        ("from 1.2.3.4 (a.example.org) it came", "from 1.2.3.4 () it came"),
        ("GET /a 404 1 ms", "GET /b/c 200 1.5 s"),
    ],
)
def test_what_changes_makes_no_difference(one: str, other: str) -> None:
    assert keys([one]) == keys([other])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GET /a HTTP/1.1 200 1", "GET /a HTTP/1.1 500 1"),
        ("POST /a 200 1 ms", "POST /a 502 1 ms"),
        ("GET /a done", "POST /a done"),
        ("state=ok x", "state=failed x"),
        ("job done: success", "job done: failure"),
        ("raised java.lang.NullPointerException", "raised java.io.IOException"),
        ("connect ECONNREFUSED", "connect ETIMEDOUT"),
    ],
)
def test_what_says_how_it_went_does(one: str, other: str) -> None:
    assert keys([one]) != keys([other])


@pytest.mark.parametrize(
    "words",
    [
        ("started", "stopped", "restarted", "failed", "crashed", "exited"),
        ("ERROR", "WARN", "INFO", "DEBUG", "FATAL", "TRACE"),
        ("ok", "error", "failure", "timeout", "denied", "refused"),
        ("corrupted", "unreachable", "overloaded", "deadlocked", "expired", "declined"),
    ],
)
def test_words_of_state_are_never_merged(words: tuple[str, ...]) -> None:
    miner = Miner()
    for number in range(3):
        for word in words:
            miner.add(f"the check of shard {number} of the index came back {word} at last")
    found = {
        miner.resolve(miner.add(f"the check of shard 1 of the index came back {word} at last").key) for word in words
    }
    assert len(found) == len(words)


def test_an_error_never_joins_what_was_merged_without_it() -> None:
    miner = Miner()
    for user in USERS:
        miner.add(f"result for the nightly build is {user} today")
    merged = miner.add("result for the nightly build is mallory today")
    failed = miner.add("result for the nightly build is failed today")
    assert merged.template == "result for the nightly build is <str> today"
    assert failed.key != merged.key
    assert failed.template == "result for the nightly build is failed today"


def test_a_word_that_keeps_changing_becomes_a_value_and_old_keys_lead_to_it() -> None:
    miner = Miner()
    early = [miner.add(line).key for line in LINES[: len(USERS)]]
    merged = miner.add("session of zed on the build machine was archived")
    assert merged.template == "session of <str> on the build machine was archived"
    assert {miner.resolve(key) for key in early} == {merged.key}
    assert {miner.template(key) for key in early} == {merged.template}
    assert set(early) - {merged.key} <= set(miner.aliases(merged.key))
    assert merged.key in miner.aliases(early[0])


def test_two_words_that_change_together_become_values() -> None:
    miner = Miner()
    pairs = list(zip(USERS, reversed(USERS), strict=True))
    for one, other in pairs * 2:
        miner.add(f"transfer of the ledger from {one} to {other} was written down")
    final = {miner.resolve(miner.add(f"transfer of the ledger from {a} to {b} was written down").key) for a, b in pairs}
    assert len(final) == 1


@given(st.randoms(use_true_random=False))
def test_in_any_order_the_same_lines_end_in_the_same_templates(chance: random.Random) -> None:
    shuffled = LINES.copy()
    chance.shuffle(shuffled)
    ends = []
    for lines in (LINES, shuffled):
        miner = Miner()
        for line in lines:
            miner.add(line)
        ends.append([miner.add(line).key for line in LINES])
    assert ends[0] == ends[1]


def test_keys_do_not_depend_on_the_process() -> None:
    program = (
        "import json, sys; from opsagent_tools.logs.miner import Miner; miner = Miner();"
        "print(json.dumps([miner.add(line).key for line in json.load(sys.stdin)]))"
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(LINES),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[3],
        ).stdout
        for seed in ("1", "2")
    ]
    assert json.loads(answers[0]) == json.loads(answers[1]) == keys(LINES)


@given(st.text(st.characters(codec=None), max_size=300), st.text(max_size=50))
def test_it_takes_any_text(text: str, other: str) -> None:
    miner = Miner()
    first = miner.add(text)
    assert miner.add(text).key == first.key
    assert miner.add(text + other).key
    assert miner.template(first.key) or not text.strip()


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_numbers_make_no_difference(one: int, other: int) -> None:
    assert keys([f"node{one}.example.org:{one} sent {one} of a{one}b"]) == keys(
        [f"node{other}.example.org:{other} sent {other} of a{other}b"]
    )


@given(st.text(max_size=200))
def test_the_rough_outline_is_the_outline_where_there_is_no_status(text: str) -> None:
    if not may_have_status(rough_outline(text)):
        assert outline(text) == rough_outline(text)


def test_random_words_do_not_keep_every_template() -> None:
    chance = random.Random(1)  # no secret
    limits = MinerLimits(templates=400, cached=500)
    miner = Miner(limits)
    for _ in range(20):
        miner.add("the one that matters")
    kept = miner.add("the one that matters").key
    for number in range(6000):
        words = ("".join(chance.choices("abcdefghijk", k=6)) for _ in range(chance.randrange(2, 9)))
        miner.add(" ".join(words))
        if number % 10 == 0:
            miner.add("the one that matters")
    assert len(miner.dump()["templates"]) <= limits.templates
    assert miner.template(kept) == "the one that matters"


def test_what_was_forgotten_is_learnt_again_under_the_same_key() -> None:
    miner = Miner(MinerLimits(templates=16))
    first = miner.add("a lonely thing happened").key
    for word in ("xa", "xb", "xc", "xd", "xe", "xf", "xg", "xh", "xi", "xj", "xk", "xl", "xm", "xn", "xo", "xp", "xq"):
        for _ in range(3):
            miner.add(f"{word} ok " + f"{word} " * len(word) * (ord(word[1]) - 96))
    assert miner.template(first) == ""
    assert miner.add("a lonely thing happened").key == first


def test_the_state_survives_a_restart() -> None:
    miner = Miner()
    early = [miner.add(line).key for line in LINES]
    state = json.loads(json.dumps(miner.dump()))
    later = Miner.load(state)
    assert [later.resolve(key) for key in early] == [miner.resolve(key) for key in early]
    assert [later.template(key) for key in early] == [miner.template(key) for key in early]
    assert later.add("session of zed on the build machine was archived") == miner.add(
        "session of zed on the build machine was archived"
    )
    assert later.dump()["templates"][0].keys() >= {"template", "count"}


@pytest.mark.parametrize(
    "state",
    [{}, {"version": 0}, {"version": 1, "templates": 7}, {"version": 1, "templates": [1, {}, {"template": 7}]},
     {"version": 1, "templates": [{"template": "a <str>", "count": "x", "aliases": 3, "places": [9, -1, "a"]}]}],
)  # fmt: skip
def test_a_state_that_cannot_be_read_is_learnt_again(state: dict[str, object]) -> None:
    assert Miner.load(state).add("a b").key == Miner().add("a b").key


def test_no_secret_is_in_a_template_or_in_the_state() -> None:
    miner = Miner()
    shown = miner.add("login with password: correcthorsebatterystaple failed").template
    assert "correcthorse" not in shown + json.dumps(miner.dump())
