"""`opsagent lint`: what would not survive a reload or a reboot, with the mend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag, complete_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.linting import Report
    from opsagent_tools.findings import Finding
    from opsagent_tools.lint.subject import Subject

_SECONDS = 3.0


def command(
    units: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="UNIT",
            help="Names of services [default: all].",
            autocompletion=complete_units,
            show_default=False,
        ),
    ] = None,
    *,
    prove: Annotated[
        bool, typer.Option("--prove", help="Reload the one service under load, and count the requests that fail.")
    ] = False,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", help="How long --prove asks it at least.", min=2, max=60)
    ] = _SECONDS,
    path: Annotated[str, typer.Option("--path", metavar="PATH", help="What --prove asks for.")] = "/",
    patch: Annotated[
        bool,
        typer.Option(
            "--patch", help="Show a graceful end for Express, Node and FastAPI apps as a diff; nothing is changed."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Say yes to the reload of --prove.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Say what would not survive a reload or a reboot, and how to mend it.

    Looks at every supervisor's services: signals, source (of your own files), limits, logs, boot. Exit code 1: at least
    one finding is serious; with --prove: a request failed.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    if prove and (patch or len(units or ()) != 1):
        raise Unclear("--prove takes exactly one service, and no --patch: opsagent lint api --prove")
    out, opened = Out(as_json=json), open_home(home)
    report = _look(opened, units or ())
    if patch:
        return _patch(report, out)
    if prove:
        from opsagent.cli.lint_prove import prove_reload

        return prove_reload(opened, report.subjects[0], out, seconds=seconds, path=path, yes=yes)
    return _show(report, out)


def _look(home: Home, names: Sequence[str]) -> Report:
    """Look at everything, and keep what was asked for. Raises Unclear."""
    import asyncio
    from dataclasses import replace

    from opsagent.cli.agent import config_of
    from opsagent.cli.services import find
    from opsagent.linting import look

    report = asyncio.run(look(home, config_of(home)))
    if not names:
        return report
    wanted = {find(name, [subject.unit for subject in report.subjects]).id for name in names}
    return replace(
        report,
        findings=tuple(one for one in report.findings if one.unit in wanted),
        subjects=tuple(one for one in report.subjects if one.unit.id in wanted),
    )


def _show(report: Report, out: Out) -> int:
    from opsagent.cli.errors import Code
    from opsagent_tools.findings import Severity

    serious = any(one.severity is Severity.SERIOUS for one in report.findings)
    if out.as_json:
        out.document(
            {
                "findings": [_as_json(one) for one in _grouped(report)],
                "looked_at": [str(subject.unit.id) for subject in report.subjects],
                "unseen": report.unseen,
            }
        )
    else:
        from opsagent.naming import full_name, index
        from opsagent.views.lint import report_lines, summary

        ids = [subject.unit.id for subject in report.subjects]
        meant = index(ids)
        names = {unit: unit.name if len(meant[unit.name]) == 1 else full_name(unit) for unit in ids}
        out.lines(report_lines(_grouped(report), names, out.screen))
        out.note(summary(report.findings, len(report.subjects)))
    for what, why in report.unseen.items():
        out.note(f"not looked at: {what}: {why}")
    return Code.FAILED if serious else Code.DONE


def _grouped(report: Report) -> list[Finding]:
    """Return the findings by service, in the order of `opsagent ps`; what concerns a supervisor as a whole comes first."""
    from opsagent.roster import rank

    def place(one: Finding) -> tuple[object, ...]:
        if one.unit is None:
            return (0, rank(one.check.partition("/")[0]), "")
        return (1, rank(one.unit.supervisor), one.unit.name)

    return sorted(report.findings, key=place)


def _as_json(one: Finding) -> dict[str, object]:
    return {
        "check": one.check,
        "unit": str(one.unit) if one.unit is not None else None,
        "name": one.unit.name if one.unit is not None else None,
        "severity": one.severity,
        "says": one.says,
        "mend": one.mend,
        "facts": dict(one.facts),
    }


def _patch(report: Report, out: Out) -> int:
    from opsagent_tools.lint.patch import patch_of

    patches = [(subject, patch_of(subject)) for subject in report.subjects]
    if out.as_json:
        out.document({"patches": [_patch_row(subject, *made) for subject, made in patches]})
        return 0
    for subject, (diff, why) in patches:
        if diff:
            out.lines([_painted(line, out) for line in diff.splitlines()])
        else:
            out.note(f"no patch for {subject.unit.name}: {why}")
    return 0


def _patch_row(subject: Subject, diff: str, why: str) -> dict[str, object]:
    return {"unit": str(subject.unit.id), "name": subject.unit.name, "diff": diff, "why": why}


def _painted(line: str, out: Out) -> str:
    from opsagent_tools.text import escape_for_terminal

    text = escape_for_terminal(line)
    if line.startswith(("+++", "---", "@@")):
        return out.screen.paint(text, "dim")
    return out.screen.paint(text, "good" if line.startswith("+") else "bad" if line.startswith("-") else "")
