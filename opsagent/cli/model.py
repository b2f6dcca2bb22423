"""`opsagent model`: which chat model may be asked, what that cost, and how often none was needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.quick import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from opsagent.brain.port import Thought
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.model_settings import ModelSettings, OneModel
    from opsagent.store.model_calls import ModelUse

app = typer.Typer(
    cls=QuickGroup, help="The chat model: what is configured, what it cost, a test.", add_completion=False
)


@app.callback(invoke_without_command=True)
def _bare(ctx: typer.Context, json: JsonFlag = False, home: HomeDir = None) -> int:
    """The chat model: what is configured, what it cost, a test. Without a subcommand: status."""
    return status(json=json, home=home) if ctx.invoked_subcommand is None else 0


@app.command("status", cls=QuickCommand)
def status(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Show which chat model may be asked, by whose key, what was asked this month, and how often none was needed.

    Asks nobody.
    """
    from datetime import UTC, datetime

    from opsagent.brain.account import month_of
    from opsagent.cli.agent import config_of
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import reading

    place, out = open_home(home), Out(as_json=json)
    settings = config_of(place).model
    with reading(place) as journal:
        use = journal.model_use(month_of(datetime.now(UTC)), settings.currency)
        solved = dict(journal.solved_by())
    found = _status_form(place, settings, use, solved)
    if json:
        out.document(found)
        return 0
    _show(found, out)
    return 0


@app.command("test", cls=QuickCommand)
def try_out(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Ask the model one tiny question, for real: it may cost something. Exit code 1 where it does not answer."""
    import asyncio

    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import Code, Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.terminal import one_line

    place, out = open_home(home), Out(as_json=json)
    settings = config_of(place).model
    if settings.first is None:
        raise Unclear("no chat model is configured: write [model] into config.toml (docs/models.md)")
    thought = asyncio.run(_asked(place, settings))
    if json:
        out.document(
            {
                "ok": not thought.why_not,
                "model": thought.model,
                "said": thought.said,
                "why": thought.why_not,
                **_spent_form(thought),
            }
        )
    elif thought.why_not:
        out.line(f"{thought.model}: {out.screen.paint('no answer', 'bad')} ({one_line(thought.why_not)})")
    else:
        out.line(f"{thought.model}: {out.screen.paint('answers', 'good')} ({one_line(spent_line(thought))})")
    return Code.FAILED if thought.why_not else 0


async def _asked(home: Home, settings: ModelSettings) -> Thought:
    from opsagent.brain.desk import look_of
    from opsagent.brain.thinker import ModelThinker

    thinker = ModelThinker(home, settings, look_of(home))
    try:
        return await thinker.test()
    finally:
        await thinker.close()


def share_without(solved: dict[str, int]) -> float | None:
    """Return which share of the incidents that the agent solved needed no model; None: it solved none."""
    without = solved.get("memory", 0) + solved.get("runbook", 0)
    whole = without + solved.get("model", 0)
    return round(without / whole, 4) if whole else None


def spent_line(thought: Thought) -> str:
    """Return what an answer took, in words: `1000 tokens in, 20 out, 0.0030 USD`."""
    cost = "price not known" if thought.cost is None else f"{thought.cost:.4f} {thought.currency}"
    return f"{thought.tokens_in} tokens in, {thought.tokens_out} out, {cost}"


def _spent_form(thought: Thought) -> dict[str, Any]:
    return {
        "tokens_in": thought.tokens_in,
        "tokens_out": thought.tokens_out,
        "cost": thought.cost,
        "currency": thought.currency,
    }


def _status_form(home: Home, settings: ModelSettings, use: ModelUse, solved: dict[str, int]) -> dict[str, Any]:
    return {
        "models": [_model_form(home, settings, one) for one in settings.models],
        "send": settings.send,
        "unattended": settings.unattended,
        "accept": settings.accept,
        "month": {
            "calls": use.calls,
            "failed": use.failed,
            "tokens_in": use.tokens_in,
            "tokens_out": use.tokens_out,
            "cost": round(use.cost, 6),
            "unpriced": use.unpriced,
            "currency": settings.currency,
            "limit": settings.monthly_limit,
            "limit_tokens": settings.monthly_tokens,
            "bytes": use.bytes_out,
        },
        "solved": solved,
        "without_model": share_without(solved),
    }


def _model_form(home: Home, settings: ModelSettings, model: OneModel) -> dict[str, Any]:
    from opsagent.brain.orders import Unusable, key_of, why_not

    try:
        key = "there" if key_of(home, model) else "none needed"
    except Unusable:
        key = "missing"
    why = why_not(home, settings, model)
    return {
        "name": model.name,
        "role": "first" if model is settings.first else "fallback",
        "key": key,
        "hosts": list(model.reached),
        "leaves": model.leaves,
        "priced": model.price is not None,
        "usable": not why,
        "why": why,
    }


def _show(found: dict[str, Any], out: Out) -> None:
    from opsagent.views.numbers import percent, size
    from opsagent.views.terminal import one_line

    if not found["models"]:
        out.line("no chat model is configured, and none is needed ([model] in config.toml, docs/models.md)")
    else:
        _show_models(found["models"], out)
    month = found["month"]
    if month["calls"] or found["models"]:
        limits = [f"limit {month['limit']:.2f} {month['currency']}"] if month["limit"] is not None else []
        limits += [f"limit {month['limit_tokens']} tokens"] if month["limit_tokens"] is not None else []
        unpriced = f", {month['unpriced']} requests of unknown price" if month["unpriced"] else ""
        failed = f" ({month['failed']} failed)" if month["failed"] else ""
        out.line(
            f"this month: {month['calls']} requests{failed}, {month['tokens_in']} tokens in, {month['tokens_out']} out,"
            f" {month['cost']:.4f} {month['currency']}{unpriced}, {size(month['bytes'])} sent"
            + (f"; {', '.join(limits)}" if limits else "; no limit")
        )
    if found["models"]:
        word = "is asked, too; a person decides" if found["unattended"] else "is never asked by itself"
        out.line(f"unattended: the model {word}")
    if found["without_model"] is not None:
        by = ", ".join(f"{who} {count}" for who, count in found["solved"].items())
        out.line(one_line(f"incidents solved without a model: {percent(found['without_model'])} ({by})"))


def _show_models(models: Sequence[dict[str, Any]], out: Out) -> None:
    from opsagent.views.table import Cell, Column, table

    columns = (Column("MODEL"), Column("ROLE", drop=3), Column("KEY", drop=2), Column("HOSTS", drop=1), Column("STATE"))
    rows = [
        (
            Cell(one["name"], "strong"),
            Cell(one["role"]),
            Cell(one["key"]),
            Cell(", ".join(one["hosts"])),
            Cell(one["why"] or "may be asked", "good" if one["usable"] else "bad"),
        )
        for one in models
    ]
    out.lines(table(columns, rows, out.screen))
