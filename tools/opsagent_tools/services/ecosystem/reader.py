"""Read PM2's ecosystem files: json, yaml, and js that is evaluated (docs/ecosystem.md)."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.services.described import Described, Note
from opsagent_tools.services.ecosystem import documents
from opsagent_tools.services.ecosystem.apps import Around, profiles_of, read_app
from opsagent_tools.services.ecosystem.evaluate import evaluate
from opsagent_tools.services.ecosystem.keys import ALIASES, KEYS, TOP_LEVEL
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.fields import Wrong
from opsagent_tools.services.graph import find_cycle
from opsagent_tools.services.reading import read_text
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.services.trust import must_not_be_a_strangers

JS_SUFFIXES = (".js", ".cjs", ".mjs")
SUFFIXES = (*JS_SUFFIXES, ".json", ".yaml", ".yml")
_Route = tuple[str | int, ...]


def load_ecosystem(path: Path, *, env_name: str = "", allow_network: bool = False) -> Described:
    """Return the apps that the file describes. JavaScript is run to know them (`evaluate`). Raises ServicesFileError."""
    if path.suffix.lower() in JS_SUFFIXES:
        return describe(evaluate(path, allow_network=allow_network), path, "", env_name)
    must_not_be_a_strangers(path)
    text = read_text(path)
    parse: Callable[[str], object] = documents.parse_json if path.suffix.lower() == ".json" else documents.parse_yaml
    try:
        document = parse(text)
    except documents.Broken as broken:
        raise ServicesFileError(path, str(broken), line=broken.line, mend="mend it there") from None
    return describe(document, path, text, env_name)


def describe(document: object, file: Path, text: str, env_name: str) -> Described:
    """Return the apps of a document that was read or evaluated. Raises ServicesFileError."""
    where = _Where(file, text)
    apps, at, around, notes = _top_level(document, where, env_name)
    if not apps:
        raise where.error(at, "describes no app", 'add apps: [{ name: "api", script: "api.js" }]')
    specs: list[ServiceSpec] = []
    for number, raw in enumerate(apps):
        route: _Route = (*at, number) if isinstance(document, list) or at else ()
        if not isinstance(raw, Mapping):
            raise where.error(route, "is no object", 'write { name: "api", script: "api.js" }')
        try:
            spec, more = read_app(raw, around)
        except Wrong as wrong:
            place = (*route, *_own_name(raw, wrong.key)) if wrong.key else route
            raise where.error(place, wrong.problem, wrong.mend) from None
        twin = next((each.name for each in specs if each.name.casefold() == spec.name.casefold()), None)
        if twin is not None:
            raise where.error((*route, "name"), f"{spec.name!r} is described twice", "give each app a name of its own")
        specs.append(spec)
        notes += more
    _check_env_name(apps, env_name, where)
    _check_dependencies(specs, where)
    return Described(specs=tuple(specs), notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class _Where:
    """Turns a route into the error that names its place."""

    file: Path
    text: str

    def error(self, route: _Route, problem: str, mend: str = "") -> ServicesFileError:
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in route).removeprefix(".")
        line = documents.line_of(self.text, route) if self.text else None
        return ServicesFileError(self.file, problem, place=place, line=line, mend=mend)


def _top_level(document: object, where: _Where, env_name: str) -> tuple[Sequence[object], _Route, Around, list[Note]]:
    around = Around(base=where.file.absolute().parent, env_name=env_name)
    if isinstance(document, list):
        return document, (), around, []
    if not isinstance(document, Mapping):
        raise where.error((), "describes no app", 'write { apps: [{ name: "api", script: "api.js" }] }')
    if not {"apps", "pm2"} & document.keys():
        if not _looks_like_an_app(document):
            raise where.error((), "has no apps", 'add apps: [{ name: "api", script: "api.js" }]')
        return [document], (), around, []
    for key in document:
        if key not in TOP_LEVEL:
            near = difflib.get_close_matches(key, TOP_LEVEL, n=1)
            raise where.error((key,), "unknown key", f"did you mean {near[0]}?" if near else "remove it")
    if document.get("static"):
        raise where.error(("static",), "is PM2's own file server, which is not here", "serve it with a web server")
    name = "apps" if "apps" in document else "pm2"
    if name == "apps" and "pm2" in document:
        raise where.error(("pm2",), "is another name of apps, which is there too", "keep one of them")
    apps = document[name]
    notes = [Note(service="", key="deploy", says=_DEPLOY)] if document.get("deploy") else []
    around = Around(base=around.base, env_name=env_name, deployed=_deployed(document.get("deploy"), env_name, where))
    return (apps if isinstance(apps, list) else [apps]), (name,), around, notes


_DEPLOY = "has no effect but for the env of its environments: nothing is copied to other machines from here"


def _deployed(deploy: object, env_name: str, where: _Where) -> Mapping[str, object]:
    """Return `deploy.NAME.env`, which PM2 puts below the app's own variables."""
    one = deploy.get(env_name) if isinstance(deploy, Mapping) and env_name else None
    env = one.get("env") if isinstance(one, Mapping) else None
    if env is None:
        return {}
    if not isinstance(env, Mapping):
        raise where.error(("deploy", env_name, "env"), "must be an object of variables", 'write { LEVEL: "info" }')
    return env


def _looks_like_an_app(document: Mapping[str, object]) -> bool:
    return any(ALIASES.get(key, key) in KEYS for key in document)


def _own_name(raw: Mapping[str, object], key: str) -> _Route:
    """Return the key as the file spells it (`interpreter` for exec_interpreter), with what stands below it."""
    name, *rest = key.split(".", 1)
    spelled = next((each for each in raw if each == name or ALIASES.get(each) == name), name)
    return (spelled, *rest)


def _check_env_name(apps: Sequence[object], env_name: str, where: _Where) -> None:
    if not env_name:
        return
    known = sorted(set().union(*(profiles_of(raw) for raw in apps if isinstance(raw, Mapping))))
    if env_name not in known:
        near = difflib.get_close_matches(env_name, known, n=1)
        there = f"there are {', '.join(known)}" if known else "there is none"
        raise where.error((), f"no app has env_{env_name}", f"did you mean {near[0]}?" if near else there)


def _check_dependencies(specs: Sequence[ServiceSpec], where: _Where) -> None:
    names = {spec.name for spec in specs}
    ports: dict[int, str] = {}
    for spec in specs:
        for other in spec.depends_on:
            if other not in names:
                raise where.error((), f"{spec.name} depends on {other!r}, which is no app here", "describe it too")
        if spec.port is not None and ports.setdefault(spec.port, spec.name) != spec.name:
            problem = f"{spec.name} and {ports[spec.port]} have the same port {spec.port}"
            raise where.error((), problem, "give each app a port of its own")
    cycle = find_cycle({spec.name: spec.depends_on for spec in specs})
    if cycle:
        raise where.error((), f"depends_on goes in a circle: {' -> '.join(cycle)}", "remove one of them")
