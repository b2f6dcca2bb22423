"""A page with regret over time: one picture for each setting, a line for each design. Stands by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsagent.views.map_svg import text_of
from opsagent.views.page import page
from opsagent_evals.memory.remedies import EVERY, MIXTURE, Score
from opsagent_evals.memory.remedies_world import INCIDENTS, SETTINGS
from opsagent_evals.memory.simulation import Simulation

COLOURS: Mapping[str, str] = {
    MIXTURE: "#d55e00",
    "knn_plain": "#8c8c8c",
    "knn_outcome": "#0072b2",
    "titans_linear": "#cc79a7",
    "families": "#009e73",
    "families_momentum": "#e69f00",
    "true_class": "#56b4e9",
}
"""What is drawn, told apart by all eyes (Okabe and Ito 2008); all others are in the table."""
_WIDE, _HIGH = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 190, 16, 36
_BETWEEN_NAMES = 15
_STYLE = "svg text{fill:var(--ink);font-size:12px}.grid{stroke:var(--edge)}.soft{fill:var(--soft)}"


def document(found: Simulation) -> str:
    """Return the page."""
    body = ["<h1>Regret while it learns</h1>"]
    seeds = min(len(score.regret) for scores in found.designs.values() for score in scores.values())
    body.append(
        f"<p>Successes missed against the best remedy, mean of {seeds} seeds; lower is better. In the settings that drift,"
        " half of the causes change their remedy at the dashed line.</p>"
    )
    for setting, scores in found.designs.items():
        body += [f"<h2>{text_of(setting.replace('_', ' '))}</h2>", '<div class="scroll">', *_drawing(setting, scores)]
        body.append("</div>")
    return page("Regret while it learns", body, style=_STYLE)


def _drawing(setting: str, scores: Mapping[str, Score]) -> Iterator[str]:
    drawn = {name: scores[name].over_time for name in COLOURS if name in scores and scores[name].over_time}
    top = max((values[-1] for values in drawn.values()), default=1.0) * 1.05 or 1.0
    named = f"regret in the setting {setting.replace('_', ' ')}"
    yield f'<svg viewBox="0 0 {_WIDE} {_HIGH}" width="{_WIDE}" height="{_HIGH}" role="img" aria-label="{text_of(named)}">'
    yield from _grid(top)
    if setting != SETTINGS[0]:
        middle = _x(INCIDENTS / 2)
        line = f'x1="{middle:.1f}" x2="{middle:.1f}" y1="{_TOP}" y2="{_HIGH - _BOTTOM}"'
        yield f'<line class="grid" stroke-dasharray="5 4" {line}/>'
    below = -float(_BETWEEN_NAMES)
    for name, values in sorted(drawn.items(), key=lambda item: -item[1][-1]):
        wide = 3 if name == MIXTURE else 1.6
        points = " ".join(f"{_x(EVERY * at):.1f},{_y(value, top):.1f}" for at, value in enumerate((0.0, *values)))
        yield f'<polyline fill="none" stroke="{COLOURS[name]}" stroke-width="{wide}" points="{points}"/>'
        below = max(_y(values[-1], top), below + _BETWEEN_NAMES)
        at = f'x="{_WIDE - _RIGHT + 8}" y="{below + 4:.1f}"'
        label = text_of(f"{name.replace('_', ' ')} {values[-1]:.0f}")
        yield f'<text {at}><tspan fill="{COLOURS[name]}">&#9632;</tspan> {label}</text>'
    yield "</svg>"


def _grid(top: float) -> Iterator[str]:
    step = next(each for each in (10, 20, 50, 100, 200, 500) if top / each <= 6 or each == 500)
    for value in range(0, int(top) + 1, step):
        y = _y(value, top)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="soft" text-anchor="end" x="{_LEFT - 6}" y="{y + 4:.1f}">{value}</text>'
    for incident in range(0, INCIDENTS + 1, INCIDENTS // 4):
        at = f'x="{_x(incident):.1f}" y="{_HIGH - _BOTTOM + 18}"'
        yield f'<text class="soft" text-anchor="middle" {at}>{incident}</text>'
    yield f'<text class="soft" x="{_WIDE - _RIGHT + 24}" y="{_HIGH - _BOTTOM + 18}">incidents</text>'


def _x(incident: float) -> float:
    return _LEFT + (_WIDE - _LEFT - _RIGHT) * incident / INCIDENTS


def _y(regret: float, top: float) -> float:
    return _HIGH - _BOTTOM - (_HIGH - _TOP - _BOTTOM) * regret / top
