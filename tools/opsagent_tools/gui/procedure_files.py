"""Procedures as YAML, both ways. What is wrong is told with its line; what is not known is an error, not ignored.

The format is told in docs/procedures.md. Anchors and aliases of YAML are refused: a file is what one reads.
"""

from __future__ import annotations

import re
from typing import Any

from opsagent_tools.gui.filling import names_in
from opsagent_tools.gui.model import SurfaceKind
from opsagent_tools.gui.procedure import EffectCheck, Parameter, ScreenProcedure, WindowRule, is_name
from opsagent_tools.gui.written.nodes import Map, ProcedureFileError, Value, parsed
from opsagent_tools.gui.written.steps import step_data, step_of

__all__ = ["ProcedureFileError", "read_procedure", "write_procedure"]

_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_LONGEST = 256 * 1024
_MOST_STEPS = 500
_EFFECTS = ("file", "port", "log", "exit_code", "absent")


def read_procedure(text: str, source: str = "procedure") -> ScreenProcedure:
    """Return the procedure that `text` writes down. Raises ProcedureFileError: `source:LINE: what is wrong`."""
    if len(text) > _LONGEST:
        raise ProcedureFileError(source, 1, f"longer than {_LONGEST // 1024} KiB")
    top = parsed(text, source).mapping()
    name = top.need("name").text()
    if not is_name(name):
        raise top.need("name").wrong(
            "must be letters of any language, digits, spaces, dots, dashes and underscores: 64 at most"
        )
    window = _window(top.need("window"))
    parameters = _parameters(top.get("parameters"))
    steps = top.need("steps").items()
    if not steps or len(steps) > _MOST_STEPS:
        raise top.need("steps").wrong(f"must be a list of 1 to {_MOST_STEPS} steps")
    secret = {one.name for one in parameters if one.secret}
    made = ScreenProcedure(
        name=name,
        title=_text(top.get("title")),
        surface=_surface(top.get("surface")),
        window=window,
        start=tuple(one.text() for one in value.items()) if (value := top.get("start")) else (),
        parameters=parameters,
        steps=tuple(step_of(one.mapping(), window.program, secret) for one in steps),
        effects=tuple(_effect(one.mapping()) for one in value.items()) if (value := top.get("effects")) else (),
        undo=_text(top.get("undo")),
        version=_whole(top.get("version"), 1),
    )
    top.done()
    _check_names(top, {one.name for one in parameters}, secret)
    return made


def write_procedure(procedure: ScreenProcedure) -> str:
    """Return a procedure as YAML that `read_procedure` reads as the same."""
    import yaml

    data: dict[str, Any] = {"name": procedure.name}
    if procedure.title:
        data["title"] = procedure.title
    if procedure.surface:
        data["surface"] = procedure.surface.value
    data["window"] = _bare(
        program=procedure.window.program, wm_class=procedure.window.wm_class, title=procedure.window.title
    )
    if procedure.start:
        data["start"] = list(procedure.start)
    if procedure.parameters:
        data["parameters"] = {
            one.name: _bare(example=one.example, secret=one.secret, pattern=one.pattern)
            | ({"default": one.default} if one.default is not None else {})
            for one in procedure.parameters
        }
    data["steps"] = [step_data(one, procedure.window.program) for one in procedure.steps]
    if procedure.effects:
        data["effects"] = [_effect_data(one) for one in procedure.effects]
    if procedure.undo:
        data["undo"] = procedure.undo
    data["version"] = procedure.version
    text = str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))
    return re.sub(r"(?m)^(\s*(?:- )?)'on':", r"\1on:", text)  # a key here, whatever YAML 1.1 thinks of it


def _window(value: Value) -> WindowRule:
    rule = value.mapping()
    named = rule.need("program").text()
    made = WindowRule(program=named, wm_class=_text(rule.get("wm_class")), title=_text(rule.get("title")))
    rule.done()
    return made


def _parameters(value: Value | None) -> tuple[Parameter, ...]:
    if value is None:
        return ()
    made = []
    for name, one in value.mapping().pairs():
        if _PARAMETER.fullmatch(name) is None:
            raise one.wrong(f"“{name}” is no name of a parameter: letters, digits and underscores")
        about = one.mapping(empty=True)
        pattern = _text(about.get("pattern"))
        default = about.get("default")
        parameter = Parameter(
            name=name,
            example=_text(about.get("example")),
            secret=_flag(about.get("secret")) or False,
            pattern=pattern,
            default=default.text() if default is not None else None,
        )
        about.done()
        try:
            re.compile(pattern)
        except re.error as error:
            raise one.wrong(f"the pattern of {name} is no regular expression: {error}") from error
        if parameter.secret and (parameter.default is not None or parameter.example):
            raise one.wrong(f"the secret {name} must have no default and no example here")
        made.append(parameter)
    return tuple(made)


def _effect(about: Map) -> EffectCheck:
    kinds = [one for one in _EFFECTS if about.get(one) is not None]
    if len(kinds) != 1:
        raise about.wrong(f"an effect has one of: {', '.join(_EFFECTS)}")
    exit_code = about.get("exit_code")
    made = EffectCheck(
        file=_path(about.get("file")),
        contains=_text(about.get("contains")),
        port=_whole(about.get("port"), 0),
        log=_path(about.get("log")),
        exit_code=_whole(exit_code, 0) if exit_code is not None else None,
        absent=_path(about.get("absent")),
        within_s=_number(about.get("within_s"), 10.0),
    )
    about.done()
    if made.log and not made.contains:
        raise about.wrong("a log needs `contains`")
    if made.contains and not (made.file or made.log):
        raise about.wrong("`contains` belongs to a file or a log")
    if kinds == ["port"] and not 0 < made.port < 65536:
        raise about.wrong("a port is from 1 to 65535")
    return made


def _effect_data(one: EffectCheck) -> dict[str, Any]:
    data = _bare(file=one.file, log=one.log, port=one.port, absent=one.absent, contains=one.contains)
    if one.exit_code is not None:
        data["exit_code"] = one.exit_code
    return data | ({"within_s": one.within_s} if one.within_s != EffectCheck().within_s else {})


def _check_names(top: Map, known: set[str], secret: set[str]) -> None:
    """Refuse names in braces that are no parameter, and secrets that would be typed or shown as text."""
    for value in top.texts():
        for name in names_in(value.raw):
            if name not in known:
                raise value.wrong(f"{{{name}}} is no parameter: name it under `parameters`, or write {{{{{name}}}}}")
            if name in secret and (value.key != "type" or value.raw != f"{{{name}}}"):
                raise value.wrong(f"{{{name}}} is a secret: it is typed alone, as `type: {{secret: {name}}}`")


def _path(value: Value | None) -> str:
    path = _text(value)
    if value is not None and not path.startswith(("/", "~/", "{")):
        raise value.wrong("must be an absolute path, or begin with ~/")
    return path


def _surface(value: Value | None) -> SurfaceKind | None:
    if value is None:
        return None
    try:
        return SurfaceKind(value.text())
    except ValueError:
        raise value.wrong(f"must be one of {', '.join(SurfaceKind)}") from None


def _text(value: Value | None) -> str:
    return value.text() if value is not None else ""


def _flag(value: Value | None) -> bool | None:
    return value.flag() if value is not None else None


def _whole(value: Value | None, default: int) -> int:
    return value.whole() if value is not None else default


def _number(value: Value | None, default: float) -> float:
    return value.number() if value is not None else default


def _bare(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
