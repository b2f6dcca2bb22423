"""How to start programs so that they tell what they show: what to add to their environment and their arguments.

GTK 3 tells by itself. Qt wants a variable. Chromium and programs built on it want a flag. Java wants the wrapper's
library on its boot class path (Debian: libatk-wrapper-java), which must be told to the virtual machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

ENV: Mapping[str, str] = {
    "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
    "QT_ACCESSIBILITY": "1",
    "ACCESSIBILITY_ENABLED": "1",
}
"""For every program: harmless where it is not needed."""

_JAVA = ("java", "javaw")
_JDK_TOOLS = ("jconsole", "jmc", "jvisualvm")
_CHROMIUM = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "brave-browser",
    "electron",
    "code",
)
_FLAG = "--force-renderer-accessibility"
_WRAPPER = "org.GNOME.Accessibility.AtkWrapper"
_JARS = (
    Path("/usr/share/java/java-atk-wrapper.jar"),
    Path("/usr/share/java/libatk-wrapper-java.jar"),
    Path("/usr/lib64/java-atk-wrapper/java-atk-wrapper.jar"),
)


def accessible_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """Return a command with what its program needs to tell what it shows; others are returned as they are."""
    if not argv:
        return ()
    program, rest = Path(argv[0]).name, tuple(argv[1:])
    if program in _CHROMIUM or program.startswith("chrom"):
        return tuple(argv) if _FLAG in rest else (argv[0], _FLAG, *rest)
    if program in _JAVA or program in _JDK_TOOLS:
        prefix = "" if program in _JAVA else "-J"
        return (argv[0], *(f"{prefix}{option}" for option in _java_options(rest)), *rest)
    return tuple(argv)


def accessible_env(argv: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    """Return what to add to a program's environment. A script that starts Java is reached by JDK_JAVA_OPTIONS."""
    added = dict(ENV)
    program = Path(argv[0]).name if argv else ""
    if program not in (*_JAVA, *_JDK_TOOLS):
        options = " ".join(_java_options(()))
        if options:
            added["JDK_JAVA_OPTIONS"] = " ".join(filter(None, (env.get("JDK_JAVA_OPTIONS", ""), options)))
    return added


def missing_for_java() -> str:
    """Return what to install so that Java programs tell what they show; empty: nothing."""
    return "" if _jar() else "apt-get install libatk-wrapper-java"


def _java_options(given: Sequence[str]) -> tuple[str, ...]:
    jar = _jar()
    if jar is None or any(_WRAPPER in option for option in given):
        return ()
    return (f"-Xbootclasspath/a:{jar}", f"-Djavax.accessibility.assistive_technologies={_WRAPPER}")


def _jar() -> Path | None:
    return next((one for one in _JARS if one.exists()), None)
