"""Reading a runbook: what it becomes, and every error names the file, the place, what is wrong and how to mend it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent.model import Cause, CheckKind, EvidenceKind, Fault
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.library.card import RunbookError
from opsagent.runbooks.library.making import remedies_of
from opsagent.runbooks.library.reading import MOST_BYTES, read_card
from opsagent.runbooks.remedy import Against, Fit
from opsagent_tools.actions import ActionName, Effect
from tests.support.cases import case_of, evidence_of

HEAD = """
title = "Its socket is full"
cause = "unknown"
answers = ["hang", "error_burst"]
looks_for = "how full its socket is"
never = "restart everything"
"""
REMEDY = """
[[remedy]]
name = "renew"
does = "renew it"
when = ["health_now.ok is false"]
expects = "it serves"
verify = ["health_now.ok is true"]
undo = "nothing to undo"
"""
STEP = """
[[remedy.step]]
action = "restart"
"""
COMMAND = """
[[remedy.step]]
action = "run_runbook_command"
command = ["/usr/bin/true", "--word", "$unit.name"]
undo_command = ["/usr/bin/true"]
timeout_s = 5
"""
WHOLE = HEAD + REMEDY + STEP


def test_a_runbook_is_read() -> None:
    card = read_card(WHOLE, name="socket", own=True)
    (remedy,) = card.remedies
    assert (card.cause, card.answers, card.own) == (Cause.UNKNOWN, (Fault.HANG, Fault.ERROR_BURST), True)
    assert (remedy.counts_as, remedy.aim, remedy.verify_s) == ("own.socket/renew", "root", 5.0)
    assert remedy.steps[0].action is ActionName.RESTART
    assert read_card(WHOLE, name="socket").remedies[0].counts_as == "unknown/renew"


def test_its_remedies_come_by_their_order() -> None:
    other = REMEDY.replace('"renew"', '"first"') + "order = 5\n" + STEP
    card = read_card(HEAD + REMEDY + "order = 7\n" + STEP + other, name="socket", own=True)
    assert [remedy.name for remedy in card.remedies] == ["first", "renew"]


@pytest.mark.parametrize(
    ("text", "place", "mend"),
    [
        ("title = =", "no TOML", "line 1"),
        (HEAD.replace("unknown", "disk_ful") + REMEDY + STEP, "cause: there is no disk_ful", "did you mean disk_full?"),
        (HEAD.replace('"hang"', '"hangs"') + REMEDY + STEP, "answers: there is no hangs", "did you mean hang?"),
        (HEAD.replace("never", "nevr") + REMEDY + STEP, "nevr: is not a key", "did you mean never?"),
        (HEAD + REMEDY, r"remedy\[1\].step: it has no steps", "write"),
        (HEAD + REMEDY + STEP.replace("restart", "restrat"), r"step\[1\].action: there is no restrat", "restart"),
        (HEAD + REMEDY + STEP + 'goal = "healty"', r"step\[1\].goal: there is no healty", "healthy"),
        (HEAD + REMEDY + STEP + 'on = "all"', r"step\[1\].on", "aim or root"),
        (HEAD + REMEDY.replace("is false", "= false") + STEP, r"remedy\[1\].when: cannot be read", "use one of"),
        (HEAD + REMEDY.replace('when = ["health_now.ok is false"]', "") + STEP, "when: is missing", "PROBE.FACT"),
        (HEAD + REMEDY + 'aim = "somebody"\n' + STEP, "aim: cannot be read", "PROBE.FACT"),
        (HEAD + REMEDY.replace("undo =", "undoo =") + STEP, r"undoo: is not a key", "undo"),
        (HEAD + REMEDY + 'name2 = "x"\n' + STEP, "name2", "did you mean name?"),
        (HEAD + REMEDY.replace('"renew"', '"Re new"') + STEP, "is no name", "small letters"),
        (HEAD + REMEDY + STEP + REMEDY + STEP, "two are named renew", "its own"),
        (HEAD, "remedy: is missing", "escalate"),
        (HEAD + REMEDY + 'verify_s = "long"\n' + STEP, "verify_s: must be a number", "verify_s = 5"),
        (HEAD + REMEDY + 'condition = "opsagent.runbooks.down:start"\n' + STEP, "condition: is not a key", "known are"),
        (HEAD + REMEDY + 'rows = ["restart"]\n', "rows: is not a key", ""),
        (HEAD + REMEDY + 'counted_as = ["crash/start"]\n' + STEP, "counted_as: is not a key", ""),
        (HEAD + REMEDY + COMMAND.replace('"/usr/bin/true", "--', '"true", "--'), "no absolute path", "/usr/bin/"),
        (HEAD + REMEDY + COMMAND.replace('["/usr/bin/true", "--word", "$unit.name"]', '"rm -rf /"'), "command", "list"),
        (HEAD + REMEDY + STEP + 'command = ["/bin/true"]', "restart runs none", "run_runbook_command"),
        (HEAD + REMEDY + STEP.replace("restart", "run_runbook_command"), "command: is missing", "no shell"),
        (HEAD + REMEDY + 'effect = "harmless"\n' + COMMAND, "effect: there is no harmless", "disruptive"),
        (HEAD + REMEDY + STEP + 'args = { path = "$here" }', r"args.path: cannot be read", "PROBE.FACT"),
        (HEAD + REMEDY + STEP + 'args = { path = "$fit.path" }', "is not known", "PROBE.FACT"),
        (HEAD + REMEDY + STEP + "args = { path = [1] }", "args.path", "plain value"),
        ("a = " + "[" * 3000 + "]" * 3000, "nested too deeply", "no deeper"),
        ("a = [[[[[[[[[[1]]]]]]]]]]", "nested too deeply", "no deeper"),
        ("x" * (MOST_BYTES + 1), "longer than", "split"),
        (HEAD.replace("full", "f\\u001bull") + REMEDY + STEP, "cannot be printed", "leave"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_how_to_mend_it(text: str, place: str, mend: str) -> None:
    with pytest.raises(RunbookError, match=place) as told:
        read_card(text, name="socket", own=True)
    assert mend in str(told.value)
    assert str(told.value).startswith("socket.toml: ")
    assert "\n" not in str(told.value)
    assert str(told.value).isprintable()


@pytest.mark.parametrize("name", ["Socket", "a-b", "../up", "", "x" * 60])
def test_a_file_is_named_plainly(name: str) -> None:
    with pytest.raises(RunbookError, match="rename"):
        read_card(WHOLE, name=name, own=True)


def test_a_command_says_what_it_puts_at_stake() -> None:
    def effect(said: str) -> Effect | None:
        return read_card(HEAD + REMEDY + said + COMMAND, name="socket", own=True).remedies[0].effect

    assert effect("") is Effect.INTERRUPTS
    assert effect('effect = "destructive"\n') is Effect.DESTROYS
    assert effect('effect = "safe"\n') is Effect.STARTS, (
        "the folder's reader makes it disruptive without the policy's word"
    )


_KEYS = st.sampled_from(
    "title cause answers looks_for never remedy escalate name does when condition rows step action args goal command "
    "undo undo_command aim effect counted_as verify order cwd on __class__ import".split()
)
_SCALARS = st.one_of(
    st.sampled_from(
        [
            "crash", "hang", "unknown", "restart", "start", "run_runbook_command", "health_now.ok is true", "root",
            "os.system", "opsagent.hands:Hands", "builtins:eval", "$fit.x", "$unit.name", "/bin/sh", "__import__('os')",
        ]
    ),
    st.booleans(), st.integers(-5, 5), st.text(max_size=8),
)  # fmt: skip
_TREES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=6), max_leaves=25
)


@settings(max_examples=150, deadline=None)
@given(extra=st.dictionaries(_KEYS, _TREES, max_size=4), step=st.dictionaries(_KEYS, _TREES, max_size=4))
def test_no_runbook_of_a_persons_own_reaches_anything_but_typed_actions(
    extra: dict[str, Any], step: dict[str, Any]
) -> None:
    """Whatever stands in it: it is refused in words, or every step that comes of it is a typed action on its unit."""
    from opsagent.runbooks.library.reading import card_from

    remedy = {"name": "renew", "does": "it", "when": ["health_now.ok is false"], "expects": "x", "undo": "x"}
    whole = {
        "title": "t", "cause": "unknown", "answers": ["hang"], "looks_for": "l", "never": "n",
        "remedy": [{**remedy, **extra, "step": [{"action": "restart", **step}]}],
    }  # fmt: skip
    try:
        card = card_from(whole, name="socket", source="socket.toml", own=True)
    except RunbookError:
        return
    for said in card.remedies:
        assert not said.condition
        assert not said.rows
        assert all(one.action in ActionName for one in said.steps)
    for remedy_made in remedies_of(card):
        fit = _fit(remedy_made)
        if isinstance(fit, Against):
            continue
        try:
            steps = remedy_made.steps(fit)
        except RunbookError:
            continue
        assert all(made.action.name in ActionName and made.action.unit == fit.target.unit.id for made in steps)


def _fit(remedy: Any) -> Fit | Against:
    from opsagent.runbooks.findings import NotAsked

    case = case_of(Fault.HANG)
    ill = {"health_now": {"configured": True, "ok": False, "said": "timeout"}}
    for _ in range(6):
        try:
            found = remedy.fits(Findings(case))
        except NotAsked as missing:
            from dataclasses import replace

            case = replace(case, evidence=case.evidence + tuple(evidence_of(one, ill) for one in missing.requests))
            continue
        assert isinstance(found, Fit | Against)
        return found
    raise AssertionError("asks without end")


def test_a_remedy_of_a_file_leaves_alone_what_a_person_stopped_or_another_user_owns() -> None:
    from dataclasses import replace

    (remedy,) = remedies_of(read_card(WHOLE, name="socket", own=True))
    ill = {"ok": False, "said": "timeout"}
    for state, told in (({"state": "stopped"}, "on purpose"), ({"state": "running", "foreign": True}, "another user")):
        case = case_of(Fault.HANG)
        from opsagent.model import ProbeRequest

        answers = {"health_now": ill, "unit_state": state}
        asked = [ProbeRequest(probe, case.incident.unit) for probe in answers]
        found = remedy.fits(Findings(replace(case, evidence=tuple(evidence_of(one, answers) for one in asked))))
        assert isinstance(found, Against)
        assert told in found.why


def test_steps_are_told_what_the_conditions_were_judged_by() -> None:
    text = (
        HEAD
        + REMEDY.replace('"health_now.ok is false"', '"own.path exists"')
        + '[[remedy.step]]\naction = "quarantine"\n'
        'args = { path = "$own.path", sha256 = "$own.sha256", to = "/x" }\ngoal = "path_gone"\n'
    )
    (remedy,) = remedies_of(read_card(text, name="socket", own=True))
    case = case_of(Fault.HANG)
    from dataclasses import replace

    from opsagent.model import Evidence

    def with_facts(**facts: str) -> Findings:
        found = Evidence(probe="own", kind=EvidenceKind.KERNEL, unit=case.incident.unit, at=case.now, facts=facts)
        state = Evidence(
            probe="unit_state", kind=EvidenceKind.SUPERVISOR, unit=case.incident.unit, at=case.now,
            facts={"state": "running"},
        )  # fmt: skip
        return Findings(replace(case, evidence=(found, state)))

    lacking = remedy.fits(with_facts(path="/srv/x"))
    assert isinstance(lacking, Against)
    assert "sha256" in lacking.why
    fit = remedy.fits(with_facts(path="/srv/x", sha256="ab"))
    assert isinstance(fit, Fit)
    (step,) = remedy.steps(fit)
    assert step.action.args == {"path": "/srv/x", "sha256": "ab", "to": "/x"}
    assert (step.goal.kind, step.goal.args["path"]) == (CheckKind.PATH_GONE, "/srv/x")
