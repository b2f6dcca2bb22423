"""A map as one page: the drawing, and below it everything in words. No scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opsagent.views.map_graph import Picture
from opsagent.views.map_svg import drawing, text_of
from opsagent.views.numbers import moment
from opsagent.views.page import page as framed
from opsagent.views.page import table

_SOURCES = {
    "daemon": "learnt over time by the daemon",
    "kept": "seen at this moment, and learnt by a daemon that does not run now",
    "now": "seen at this moment; the daemon (opsagent watch) learns over time",
}
_LEGEND = (
    "Red: in trouble. Amber: starting, on hold or in a maintenance window. Green: healthy. Grey: not asked, or stopped. "
    "Dashed boxes are no services of ours; dashed arrows were not seen for long, amber ones close a circle."
)


def page(picture: Picture, report: Mapping[str, Any]) -> str:
    """Return a whole HTML page."""
    names = {box.id: box.title for box in (*picture.boxes, *picture.alone)}
    when = moment(datetime.fromisoformat(report["at"]))
    arrows = [(names[one.source], names[one.target], one.at, one.words) for one in picture.arrows]
    boxes = [(box.title, box.ports, box.words) for box in (*picture.boxes, *picture.alone)]
    return framed(
        "who talks to whom",
        [
            "<h1>Who talks to whom</h1>",
            f"<p>{text_of(_SOURCES[report['source']])}; {text_of(when)}. An arrow goes from who uses to who is used.</p>",
            f'<div class="scroll">{drawing(picture)}</div>',
            f"<p>{text_of(_LEGEND)}</p>",
            *table("Connections", ("From", "To", "At", "Known from"), arrows),
            *table("Services", ("Name", "Ports", "State"), boxes),
        ],
    )
