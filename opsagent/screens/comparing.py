"""What a proposed version of a procedure changes, in words and as a page with crops before and after."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

from opsagent.screens import files
from opsagent.screens.forms import version_form
from opsagent.screens.kept import Kept
from opsagent.screens.risky import risky_steps
from opsagent.views.page import page
from opsagent_tools.gui.effects import said as effect_said
from opsagent_tools.gui.model import Fingerprint
from opsagent_tools.gui.procedure import ScreenStep
from opsagent_tools.gui.saying import said
from opsagent_tools.redact import redact
from opsagent_tools.text import escape_for_html

PAGE = "proposed.html"
_STYLE = """
main{max-width:60rem;margin:0 auto}.change{border:1px solid var(--edge);border-radius:10px;padding:.75rem 1rem;margin:.75rem 0}
.change h3{font-size:1rem;margin:0 0 .4rem;overflow-wrap:anywhere}.was{color:#b42323}.now{color:#1a7f4b}
@media (prefers-color-scheme:dark){.was{color:#ff8585}.now{color:#4cc38a}}
.crops{display:flex;flex-wrap:wrap;gap:1rem;margin-top:.6rem}figure{margin:0}figure img{display:block;max-width:26rem;max-height:12rem;
border:1px solid var(--edge);border-radius:4px}figcaption{color:var(--soft);font-size:.8rem}.same{color:var(--soft)}
"""


def changes(accepted: Kept | None, proposed: Kept) -> dict[str, Any]:
    """Return what is proposed, and step by step what differs from what is run now; all of it where nothing is."""
    before = accepted.procedure if accepted is not None else None
    healed = {int(one["step"]): one for one in proposed.healed}
    steps = [
        _step(number, was, now, healed.get(number, {}))
        for number, (was, now) in enumerate(
            zip_longest(before.steps if before is not None else (), proposed.procedure.steps), start=1
        )
    ]
    risky = risky_steps(proposed.procedure)
    return {
        **version_form(proposed),
        "replaces": accepted.version if accepted is not None else None,
        "changes": [one for one in steps if one["kind"] != "same"],
        "frame": _frame(accepted, proposed),
        "risky": {str(number): why for number, why in risky.items()},
    }


def _step(number: int, was: ScreenStep | None, now: ScreenStep | None, healed: Mapping[str, Any]) -> dict[str, Any]:
    kind = "same" if was == now else "added" if was is None else "removed" if now is None else "changed"
    return {
        "step": number,
        "kind": kind,
        "was": said(was) if was is not None else "",
        "now": said(now) if now is not None else "",
        "marks": list(_marks(was, now)) if was is not None and now is not None else [],
        "found_by": str(healed.get("rung", "")),
        "score": healed.get("score"),
        "crop_was": was.on.crop if was is not None and was.on is not None else "",
        "crop_now": str(healed.get("now") or (now.on.crop if now is not None and now.on is not None else "")),
    }


def _marks(was: ScreenStep, now: ScreenStep) -> Iterator[dict[str, str]]:
    """Yield the parts of a step that differ: name, what it was, what it is now."""
    for part, one, other in (("on", was.on, now.on), ("to", was.to, now.to)):
        before, after = _print(one), _print(other)
        for key in dict.fromkeys((*before, *after)):
            if before.get(key) != after.get(key):
                yield {
                    "what": key if part == "on" else f"to.{key}",
                    "was": _short(before.get(key)),
                    "now": _short(after.get(key)),
                }
    for key in ("gesture", "after", "window", "note", "risky"):
        one, other = getattr(was, key), getattr(now, key)
        if one != other:
            yield {"what": key, "was": _short(one), "now": _short(other)}


def _print(fingerprint: Fingerprint | None) -> dict[str, Any]:
    return asdict(fingerprint) if fingerprint is not None else {}


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{key} {one}" for key, one in value.items())
    text = redact("" if value is None else ", ".join(map(str, value)) if isinstance(value, tuple) else str(value))
    return text if len(text) <= 160 else text[:159] + "…"


def _frame(accepted: Kept | None, proposed: Kept) -> list[dict[str, str]]:
    """Return what differs beside the steps: window, program, parameters, effects."""
    if accepted is None:
        return []
    found = []
    for key in ("window", "start", "parameters", "effects", "undo", "surface"):
        one, other = getattr(accepted.procedure, key), getattr(proposed.procedure, key)
        if one != other:
            words = [", ".join(map(effect_said, side)) if key == "effects" else _short(side) for side in (one, other)]
            found.append({"what": key, "was": words[0], "now": words[1]})
    return found


def write_page(home: Path, accepted: Kept | None, proposed: Kept, found: Mapping[str, Any]) -> Path:
    """Write the difference as a page beside the proposed version; return where. Raises OSError."""
    folder = files.version_folder(home, proposed.name, proposed.version)
    before = files.version_folder(home, accepted.name, accepted.version) if accepted is not None else folder
    path = folder / PAGE
    files.write(path, as_html(found, before=before, after=folder).encode())
    return path


def as_html(found: Mapping[str, Any], *, before: Path, after: Path) -> str:
    """Return the page; crops are read from the folders of both versions."""
    title = f"{found['name']}: version {found['version']} is proposed"
    body = ["<main>", f"<h1>{_text(title)}</h1>", f"<p>{_text(found['why'])}</p>"]
    body += [f'<div class="change"><h3>{_text(one["what"])}</h3>{_was_now(one)}</div>' for one in found["frame"]]
    for one in found["changes"]:
        body += _change(one, before, after)
    if not found["changes"] and not found["frame"]:
        body.append('<p class="same">Nothing differs from what is run now.</p>')
    body.append("</main>")
    whole = page(title, body, _STYLE)
    return whole.replace("style-src 'unsafe-inline'", "style-src 'unsafe-inline'; img-src data:", 1)


def _change(one: Mapping[str, Any], before: Path, after: Path) -> Iterator[str]:
    risk = f" · found by {one['found_by']}" if one["found_by"] else ""
    yield f'<div class="change"><h3>Step {one["step"]}: {_text(one["now"] or one["was"])} ({one["kind"]}{_text(risk)})</h3>'
    yield from (f"<p>{_text(mark['what'])}</p>{_was_now(mark)}" for mark in one["marks"] if mark["what"] != "crop")
    shots = [("as it was recorded", before / one["crop_was"]), ("as it was found", after / one["crop_now"])]
    if one["kind"] == "added":
        shots = shots[1:]
    drawn = [_figure(label, path) for label, path in shots if path.suffix == ".png"]
    yield f'<div class="crops">{"".join(drawn)}</div></div>'


def _was_now(one: Mapping[str, str]) -> str:
    return f'<p class="was">− {_text(one["was"]) or "(nothing)"}</p><p class="now">+ {_text(one["now"]) or "(nothing)"}</p>'


def _figure(label: str, path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError:
        return ""
    return (
        f'<figure><img alt="{escape_for_html(label)}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'
        f"<figcaption>{escape_for_html(label)}</figcaption></figure>"
    )


def _text(text: object) -> str:
    return escape_for_html(redact(str(text)))
