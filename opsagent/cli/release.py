"""`opsagent release UNIT`: the end of a hold."""

from __future__ import annotations

from opsagent.cli.common import HomeDir, JsonFlag, UnitName


def command(unit: UnitName, *, json: JsonFlag = False, home: HomeDir = None) -> int:
    """End all holds of a service: the agent may act on it again."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import person, reading, writing
    from opsagent.naming import full_name, index

    place = open_home(home)
    with reading(place) as journal:
        held = set(index(hold.unit for hold in journal.holds()).get(unit, ()))
    if not held:
        raise Unclear(f"{unit} is not on hold: `opsagent hold` lists the holds")
    if len(held) > 1:
        raise Unclear(f"more than one {unit} is on hold: write {' or '.join(sorted(map(full_name, held)))}")
    with writing(place) as journal:
        ended = sum(journal.release_hold(one, person()) for one in held)
    out = Out(as_json=json)
    if json:
        out.document({"units": sorted(map(str, held)), "released": ended})
    else:
        out.line(f"{unit} is released")
    return 0
