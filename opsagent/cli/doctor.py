"""`opsagent doctor`: what is missing, and how to get it."""

from __future__ import annotations

from typing import Literal

from opsagent.cli.common import HomeDir, JsonFlag


def command(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Look over everything that opsagent needs, and say how to get what is missing. Changes nothing.

    Exit code 1 where something that it cannot do without is missing.
    """
    import asyncio

    from opsagent.cli.checkup import check_up
    from opsagent.cli.output import Out
    from opsagent.views.terminal import Style, one_line

    findings = asyncio.run(check_up(home))
    out = Out(as_json=json)
    well = all(finding.level != "missing" for finding in findings)
    if json:
        out.document({"ok": well, "checks": findings})
        return 0 if well else 1
    styles: dict[Literal["ok", "note", "missing"], Style] = {"ok": "good", "note": "warn", "missing": "bad"}
    for finding in findings:
        level = out.screen.paint(f"{finding.level:<8}", styles[finding.level])
        mend = f"\n{'':10}{one_line(finding.mend)}" if finding.mend else ""
        out.line(f"{level}{finding.about}: {one_line(finding.detail)}{mend}")
        for line in finding.text.splitlines():
            out.line(f"{'':10}{one_line(line)}")
    return 0 if well else 1
