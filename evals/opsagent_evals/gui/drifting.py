"""How each toolkit is told to look otherwise: by its own means, as a desktop's settings would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from opsagent_evals.gui.model import Drift, Place

T = TypeVar("T")


def drifted(
    place: Place,
    rows: Sequence[T],
    *,
    extra: tuple[int, Sequence[T]],
    decoys: tuple[Sequence[T], Sequence[T]],
    renamed: Mapping[T, T] | None = None,
) -> list[T]:
    """Return the fields, rows or entries of a program as this variant has them.

    Args:
        place: of the run.
        rows: as they are on the plain one.
        extra: what comes in where there are more: before which row, and which.
        decoys: names that resemble: above all others, and below them.
        renamed: row → the same, called otherwise.
    """
    found = [(renamed or {}).get(row, row) for row in rows] if Drift.RENAMED in place.drifts else [*rows]
    if Drift.EXTRA in place.drifts:
        found[extra[0] : extra[0]] = extra[1]
    if Drift.DECOY in place.drifts:
        found = [*decoys[0], *found, *decoys[1]]
    return found[::-1] if Drift.REORDERED in place.drifts else found


def font_scale(place: Place) -> float:
    """Return by how much fonts are larger."""
    if Drift.FONT_2 in place.drifts:
        return 2.0
    return 1.4 if Drift.FONT_1_4 in place.drifts else 1.0


def gtk_env(place: Place) -> Mapping[str, str]:
    """Write GTK's settings for this variant into the home, and return what belongs into the environment."""
    folder = place.home / ".config/gtk-3.0"
    folder.mkdir(parents=True, exist_ok=True)
    size = round(10 * font_scale(place))
    (folder / "settings.ini").write_text(f"[Settings]\ngtk-font-name=Sans {size}\ngtk-enable-animations=false\n")
    if Drift.DARK in place.drifts:
        return {"GTK_THEME": "Adwaita:dark"}
    return {"GTK_THEME": "HighContrast" if Drift.CONTRAST in place.drifts else "Adwaita"}


def qt_env(place: Place) -> Mapping[str, str]:
    """Return the environment that makes Qt 5 look so."""
    dpi = {"QT_FONT_DPI": str(round(96 * font_scale(place)))}
    if Drift.DARK in place.drifts:
        return {**dpi, "QT_STYLE_OVERRIDE": "Adwaita-Dark"}
    return {**dpi, "QT_STYLE_OVERRIDE": "Adwaita-HighContrast"} if Drift.CONTRAST in place.drifts else dpi


_ATK = "/usr/share/java/java-atk-wrapper.jar"
_LOOK = "com.sun.java.swing.plaf.gtk.GTKLookAndFeel"
_SWING_FONTS = ("controlFont", "systemFont", "userFont", "smallFont")


def swing_options(place: Place) -> tuple[str, ...]:
    """Return the options of a JDK tool that make it accessible and look so."""
    options = [f"-J-Xbootclasspath/a:{_ATK}"]
    options.append("-J-Djavax.accessibility.assistive_technologies=org.GNOME.Accessibility.AtkWrapper")
    options.append(f"-J-Duser.home={place.home}")
    if place.drifts & {Drift.DARK, Drift.CONTRAST}:
        return (*options, f"-J-Dswing.defaultlaf={_LOOK}")
    size = round(12 * font_scale(place))
    options += [f"-J-Dswing.plaf.metal.{name}=Dialog-{size}" for name in _SWING_FONTS if size != _SWING_SIZE]
    return tuple(options)


_SWING_SIZE = 12
