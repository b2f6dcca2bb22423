"""Reads a runbook's TOML. Pure: text in, a card out; every error is one line with file, key, what and how to mend it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from opsagent.model import Cause, CheckKind, Fault, Scalar
from opsagent.runbooks.library.card import (
    AIM,
    ROOT,
    UPSTREAM,
    Card,
    EscalateCard,
    RemedyCard,
    RunbookError,
    StepCard,
    UndoCard,
)
from opsagent.runbooks.library.conditions import ConditionError, When, parse, parse_fact
from opsagent_tools.actions import ActionName, Effect

MOST_BYTES = 64 * 1024
MOST_ITEMS = 24
MOST_TEXT = 1000
_OWN_VERIFY_MOST_S = 600.0
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_REFERENCE = re.compile(r"opsagent(\.[a-z_][a-z0-9_]*)+:[a-z_][a-z0-9_]*")
_COUNTED = re.compile(r"[a-z][a-z_]*/[a-z][a-z0-9_]*")
_DEEP = 8
_S = TypeVar("_S", bound=StrEnum)
_CARD_KEYS = ("title", "cause", "answers", "looks_for", "never", "leave_alone", "remedy", "escalate")
_OWN_EFFECTS = {"safe": Effect.STARTS, "disruptive": Effect.INTERRUPTS, "destructive": Effect.DESTROYS}


def read_card(text: str, *, name: str, source: str = "", own: bool = False) -> Card:
    """Read one runbook. `own`: a person's, which may name no code of the agent's. Raises RunbookError."""
    source = source or f"{name}.toml"
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise RunbookError(f"{source}: longer than {MOST_BYTES // 1024} KiB: split it")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RunbookError(f"{source}: no TOML: {error}: mend that line") from error
    except RecursionError as error:
        raise RunbookError(f"{source}: nested too deeply: a runbook has tables in tables, and no deeper") from error
    return card_from(document, name=name, source=source, own=own)


def card_from(
    document: Mapping[str, Any], *, name: str, source: str, own: bool, judged: frozenset[str] = frozenset()
) -> Card:
    """Read a runbook that is a document already. `judged`: remedies that bring a condition in code. Raises RunbookError."""
    if not _NAME.fullmatch(name):
        raise RunbookError(f"{source}: a runbook's file is named in small letters, digits and _: rename it")
    _demand_shallow(document, source)
    return _Reader(source, name, own, judged).card(_Table(document, source, ""))


def _demand_shallow(document: object, source: str) -> None:
    level: list[object] = [document]
    for _ in range(_DEEP):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
        ]
    if level:
        raise RunbookError(f"{source}: nested too deeply: a runbook has tables in tables, and no deeper")


class _Table:
    """One table of the file, read key by key; what is left over is an error."""

    def __init__(self, values: Mapping[str, Any], source: str, where: str) -> None:
        self.values = values
        self.source = source
        self.where = where

    def error(self, key: str, what: str, mend: str) -> RunbookError:
        place = ".".join(part for part in (self.where, key) if part)
        return RunbookError(f"{self.source}: {place}: {what}: {mend}")

    def refuse_unknown(self, known: Sequence[str]) -> None:
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                guess = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise self.error(_shown(key), "is not a key of a runbook", guess)

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if value is None:
            raise self.error(key, "is missing", f'write {key} = "…"')
        if not isinstance(value, str) or len(value) > MOST_TEXT:
            raise self.error(key, f"must be text of at most {MOST_TEXT} characters", f'write {key} = "…"')
        if any(not (char.isprintable() or char == "\n") for char in value):
            raise self.error(key, "has characters that cannot be printed", "leave them out")
        return value

    def name(self, key: str) -> str:
        value = self.text(key)
        if not _NAME.fullmatch(value):
            raise self.error(key, f"`{_shown(value)}` is no name", "use small letters, digits and _, at most 48")
        return value

    def number(self, key: str, default: float, most: float) -> float:
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise self.error(key, f"must be a number from 0 to {most:g}", f"write {key} = {default:g}")
        return float(value)

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false", f"write {key} = true")
        return value

    def words(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or len(value) > MOST_ITEMS or not all(_is_text(word) for word in value):
            raise self.error(key, f"must be a list of at most {MOST_ITEMS} texts", f'write {key} = ["…", "…"]')
        return tuple(value)

    def one_of(self, key: str, kind: type[_S], value: str) -> _S:
        try:
            return kind(value)
        except ValueError:
            near = difflib.get_close_matches(value, [one.value for one in kind], 1)
            guess = f"did you mean {near[0]}?" if near else f"use one of {', '.join(one.value for one in kind)}"
            raise self.error(key, f"there is no {_shown(value)}", guess) from None

    def scalars(self, key: str) -> dict[str, Scalar]:
        value = self.values.get(key, {})
        if not isinstance(value, dict) or len(value) > MOST_ITEMS:
            raise self.error(key, f"must be a table of at most {MOST_ITEMS} values", f"write {key} = {{ name = … }}")
        for inner, scalar in value.items():
            if not isinstance(scalar, str | int | float | bool) or (isinstance(scalar, str) and not _is_text(scalar)):
                raise self.error(
                    f"{key}.{_shown(inner)}", "must be text, a number, true or false", "write a plain value"
                )
            if not _NAME.fullmatch(inner):
                raise self.error(f"{key}.{_shown(inner)}", "is no name", "use small letters, digits and _")
        return dict(value)

    def tables(self, key: str) -> Iterable[_Table]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or len(value) > MOST_ITEMS or not all(isinstance(one, dict) for one in value):
            raise self.error(key, f"must be at most {MOST_ITEMS} tables", f"write [[{self.inner(key)}]]")
        for number, one in enumerate(value, 1):
            yield _Table(one, self.source, f"{self.inner(key)}[{number}]")

    def inner(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MOST_TEXT and value.isprintable()


def _shown(value: object) -> str:
    text = str(value)
    printable = "".join(char if char.isprintable() else "?" for char in text[:60])
    return printable if len(text) <= 60 else printable + "…"


class _Reader:
    def __init__(self, source: str, name: str, own: bool, judged: frozenset[str]) -> None:
        self._source, self._name, self._own, self._judged = source, name, own, judged

    def card(self, table: _Table) -> Card:
        table.refuse_unknown(_CARD_KEYS)
        cause = table.one_of("cause", Cause, table.text("cause"))
        answers = tuple(table.one_of("answers", Fault, word) for word in table.words("answers"))
        if not answers:
            raise table.error("answers", "is missing", f'write answers = ["{Fault.CRASH}"], the kinds of incident')
        remedies = tuple(self._remedy(one, cause) for one in table.tables("remedy"))
        escalate = tuple(self._escalate(one) for one in table.tables("escalate"))
        leave_alone = table.text("leave_alone", "")
        if not (remedies or escalate or leave_alone):
            raise table.error("remedy", "is missing", "write [[remedy]], or [[escalate]] where only a person can help")
        names = [remedy.name for remedy in remedies]
        for name in names:
            if names.count(name) > 1:
                raise table.error("remedy", f"two are named {name}", "memory counts by the name: give each its own")
        return Card(
            name=self._name,
            title=table.text("title"),
            cause=cause,
            answers=answers,
            looks_for=table.text("looks_for"),
            never=table.text("never"),
            remedies=tuple(sorted(remedies, key=lambda remedy: remedy.order)),
            escalate=escalate,
            leave_alone=leave_alone,
            own=self._own,
            source=self._source,
        )

    def _escalate(self, table: _Table) -> EscalateCard:
        table.refuse_unknown(("say", "when", *(() if self._own else ("condition",))))
        return EscalateCard(
            say=table.text("say"), when=self._when(table, "when"), condition=self._reference(table, "condition")
        )

    def _remedy(self, table: _Table, cause: Cause) -> RemedyCard:
        for_all = ("name", "does", "aim", "order", "when", "despite_upstream", "after", "expects", "verify_s")
        shipped = ("condition", "rows", "args", "counted_as")
        mine = ("effect",) if self._own else shipped
        table.refuse_unknown((*for_all, "verify", "undo", "step", *mine))
        name = table.name("name")
        counted = table.words("counted_as")
        steps = tuple(self._step(one) for one in table.tables("step"))
        rows = table.words("rows")
        self._demand_sense(table, steps, rows, counted)
        return RemedyCard(
            name=name,
            counts_as=f"own.{self._name}/{name}" if self._own else f"{cause}/{name}",
            cause=cause,
            does=table.text("does"),
            aim=self._aim(table),
            order=int(table.number("order", 100, 100_000)),
            when=self._when(table, "when"),
            condition=self._reference(table, "condition"),
            despite_upstream=table.flag("despite_upstream"),
            after=table.text("after", ""),
            expects=table.text("expects"),
            verify_s=table.number("verify_s", 5.0, _OWN_VERIFY_MOST_S),
            verify=self._when(table, "verify"),
            undo=table.text("undo"),
            steps=steps,
            rows=rows,
            args=self._args(table, "args"),
            counted_as=counted,
            effect=self._effect(table, steps),
        )

    def _demand_sense(
        self, table: _Table, steps: tuple[StepCard, ...], rows: tuple[str, ...], counted: tuple[str, ...]
    ) -> None:
        for one in counted:
            if not _COUNTED.fullmatch(one):
                raise table.error("counted_as", f"`{_shown(one)}` is no remedy", 'write "fault/remedy"')
        if bool(steps) is bool(rows):
            raise table.error("step", "it has no steps, or both steps and rows", "write [[remedy.step]] once or more")
        judged = table.values.get("name") in self._judged
        if not (counted or judged or table.values.get("when") or table.values.get("condition")):
            raise table.error("when", "is missing: it would fit everywhere", 'write when = ["PROBE.FACT is VALUE"]')

    def _step(self, table: _Table) -> StepCard:
        own = ("command", "undo_command", "cwd", "timeout_s") if self._own else ()
        table.refuse_unknown(("action", "on", "args", "goal", "goal_args", "wait_s", "undo", *own))
        action = table.one_of("action", ActionName, table.text("action"))
        on = table.text("on", AIM)
        if on not in (AIM, ROOT):
            raise table.error("on", f"`{_shown(on)}` is no unit", "write aim or root")
        goal = table.text("goal", "")
        command = self._command(table, action)
        return StepCard(
            action=action,
            on=on,
            args=self._args(table, "args"),
            goal=table.one_of("goal", CheckKind, goal) if goal else None,
            goal_args=self._args(table, "goal_args") if "goal_args" in table.values else None,
            wait_s=table.number("wait_s", 10.0, _OWN_VERIFY_MOST_S) if "wait_s" in table.values else None,
            undo=self._undo(table),
            command=command,
            undo_command=table.words("undo_command"),
            cwd=table.text("cwd", ""),
            timeout_s=table.number("timeout_s", 30.0, _OWN_VERIFY_MOST_S),
        )

    def _command(self, table: _Table, action: ActionName) -> tuple[str, ...]:
        command = table.words("command")
        runs = action is ActionName.RUN_RUNBOOK_COMMAND
        if runs and not command:
            raise table.error(
                "command", "is missing", 'write command = ["/path/to/program", "word"]; there is no shell'
            )
        if not runs and (command or "undo_command" in table.values or "cwd" in table.values):
            raise table.error("command", f"{action} runs none", f"write action = {ActionName.RUN_RUNBOOK_COMMAND}")
        for key in ("command", "undo_command"):
            first = table.words(key)[:1]
            if first and not first[0].startswith("/"):
                raise table.error(key, f"{_shown(first[0])} is no absolute path", "say which file is run: /usr/bin/…")
        if table.text("cwd", "") and not table.text("cwd", "").startswith("/"):
            raise table.error("cwd", "is no absolute path", "write it whole")
        return command

    def _undo(self, table: _Table) -> UndoCard | None:
        value = table.values.get("undo")
        if value is None:
            return None
        if not isinstance(value, dict):
            raise table.error("undo", "must be a table", 'write undo = { action = "…", args = { … } }')
        inner = _Table(value, table.source, table.inner("undo"))
        inner.refuse_unknown(("action", "args"))
        return UndoCard(action=inner.one_of("action", ActionName, inner.text("action")), args=self._args(inner, "args"))

    def _args(self, table: _Table, key: str) -> dict[str, Scalar]:
        args = table.scalars(key)
        for name, value in args.items():
            if not isinstance(value, str) or not value.startswith("$"):
                continue
            if value.startswith("$fit."):
                if self._own or not _NAME.fullmatch(value[5:]):
                    raise table.error(f"{key}.{name}", f"`{_shown(value)}` is not known", 'write "$PROBE.FACT"')
                continue
            self._read(table, f"{key}.{name}", lambda told=value: parse_fact(told[1:]))  # type: ignore[misc]
        return args

    def _aim(self, table: _Table) -> str:
        aim = table.text("aim", ROOT)
        if aim not in (ROOT, UPSTREAM):
            self._read(table, "aim", lambda: parse_fact(aim))
        return aim

    def _when(self, table: _Table, key: str) -> tuple[When, ...]:
        return tuple(self._read(table, key, lambda text=text: parse(text)) for text in table.words(key))  # type: ignore[misc]

    def _effect(self, table: _Table, steps: tuple[StepCard, ...]) -> Effect | None:
        if not self._own:
            return None
        runs = any(step.action is ActionName.RUN_RUNBOOK_COMMAND for step in steps)
        value = table.text("effect", "disruptive")
        if value not in _OWN_EFFECTS:
            raise table.error("effect", f"there is no {_shown(value)}", f"use one of {', '.join(_OWN_EFFECTS)}")
        return _OWN_EFFECTS[value] if runs or "effect" in table.values else None

    def _reference(self, table: _Table, key: str) -> str:
        value = table.text(key, "")
        if value and not _REFERENCE.fullmatch(value):
            raise table.error(key, f"`{_shown(value)}` names no function", 'write "opsagent.runbooks.module:function"')
        return value

    def _read(self, table: _Table, key: str, read: Callable[[], _R]) -> _R:
        try:
            return read()
        except ConditionError as error:
            raise table.error(key, "cannot be read", str(error)) from error


_R = TypeVar("_R")
