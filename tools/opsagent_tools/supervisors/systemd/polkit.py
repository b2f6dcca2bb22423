"""What a user may not ask of systemd, and the smallest polkit rule that would let them. Pure, but for the user's name.

One rule is for one user, one unit and one verb: everything else stays as it is. Details of the action (`unit`, `verb`)
are given by systemd since version 226; rules in JavaScript are read by polkit since 0.106.
"""

from __future__ import annotations

import json
import os
import pwd
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RULES = Path("/etc/polkit-1/rules.d")
MANAGE_UNITS = "org.freedesktop.systemd1.manage-units"
VERBS = ("start", "stop", "restart", "reload", "kill", "reset-failed")
"""What systemd calls what it is asked to do with a unit."""
REFUSED = frozenset(
    {"org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolkitRule:
    """A rule file that root may put in place."""

    path: Path
    text: str

    def install(self) -> tuple[str, ...]:
        """Return the command, to be run as root with `text` as its input, that puts it in place."""
        return ("install", "-m", "0644", "-o", "root", "-g", "root", "/dev/stdin", str(self.path))


def user_name(uid: int | None = None) -> str:
    """Return the name of a user, by default of the one who asks; the number where it has none."""
    uid = os.geteuid() if uid is None else uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def polkit_rule(user: str, file: str, verbs: Sequence[str]) -> PolkitRule:
    """Return the rule by which `user` may do these things with this one unit (`api.service`), and nothing else.

    Raises ValueError for a verb that systemd does not know.
    """
    unknown = [verb for verb in verbs if verb not in VERBS]
    if unknown or not verbs:
        raise ValueError(f"not what systemd can be asked to do with a unit: {', '.join(unknown) or 'nothing'}")
    wanted = " || ".join(f'action.lookup("verb") == {json.dumps(verb)}' for verb in sorted(set(verbs)))
    text = (
        f"// {_comment(user)} may {' and '.join(sorted(set(verbs)))} {_comment(file)}, and nothing else.\n"
        "polkit.addRule(function(action, subject) {\n"
        f'    if (action.id == "{MANAGE_UNITS}" &&\n'
        f"        subject.user == {json.dumps(user)} &&\n"
        f'        action.lookup("unit") == {json.dumps(file)} &&\n'
        f"        ({wanted})) {{\n"
        "        return polkit.Result.YES;\n"
        "    }\n"
        "});\n"
    )
    name = "-".join(("50-opsagent", _file_name(user), _file_name(file.removesuffix(".service")), *sorted(set(verbs))))
    return PolkitRule(path=RULES / f"{name}.rules", text=text)


def explain_refusal(file: str, verb: str, said: str, uid: int | None = None) -> str:
    """Return the whole of it in words: who may not do what, and the rule that would help."""
    user = user_name(uid)
    if verb not in VERBS:
        return (
            f"user {user} may not {verb} {file} ({said}). There is no rule for one unit alone: as root, "
            f"systemctl {verb} {file}"
        )
    rule = polkit_rule(user, file, [verb])
    return (
        f"user {user} may not {verb} {file} ({said}). The smallest rule that would help, as root in {rule.path}:\n"
        f"{rule.text.rstrip()}"
    )


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.@]", "_", text)


def _comment(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)
