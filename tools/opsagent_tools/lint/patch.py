"""A graceful end for an Express, plain Node or FastAPI app, as a unified diff that a person may apply. Never applied here.

Both say `Connection: close` while they end, so that clients leave by themselves, take no further connections, and end
when the last one is gone or after a moment.
"""

from __future__ import annotations

import difflib
import re

from opsagent_tools.lint.graceful import read_script
from opsagent_tools.lint.source import Source
from opsagent_tools.lint.subject import Subject

_LISTEN = re.compile(
    r"(?m)^(?P<indent>[ \t]*)(?P<own>(?:const|let|var)\s+(?P<name>[\w$]+)\s*=\s*)?(?P<app>[\w$]+)\.listen\s*\("
)
_EXPRESS = re.compile(r"\bexpress\s*\(\s*\)")
_CREATED = re.compile(r"(?:const|let|var)\s+([\w$]+)\s*=\s*(?:[\w$.]+\.|require\s*\([^()]*\)\.)?createServer\s*\(")
_NET = re.compile(r"(?:const|let|var|import)\s+net\b|import\s+\*\s+as\s+net\b")
_ESM = re.compile(r"(?m)^\s*(?:import\s+[\w{*'\"]|export\s)")
_FASTAPI = re.compile(r"(?m)^(?P<app>[A-Za-z_]\w*)\s*=\s*FastAPI\s*\(")
_RUN = re.compile(r"(?m)^(?P<indent>[ \t]*)uvicorn\s*\.\s*run\s*\(")
_MARGIN_S = 0.8
"""Of the supervisor's own patience that the app gives itself."""

_NODE_END = """
// A graceful end: what was begun is answered, clients that keep their connection are asked to open another one, and the
// process ends when the last is gone. http.Server.close() would cut idle keep-alive connections.
let ending = false;
{server}.prependListener("request", (request, response) => {{
  if (ending) response.setHeader("Connection", "close");
}});
for (const signal of ["SIGINT", "SIGTERM"]) {{
  process.once(signal, () => {{
    ending = true;
    net.Server.prototype.close.call({server}, () => process.exit(0));
    setTimeout(() => process.exit(0), {most_ms}).unref();
  }});
}}
"""
_READY = '{server}.once("listening", () => process.send && process.send("ready"));\n'

_PYTHON_END = '''
class GracefulServer(uvicorn.Server):
    """Ends in two steps: at first it answers with `Connection: close`, so that clients leave by themselves."""

    ending = False

    def handle_exit(self, sig, frame):
        if GracefulServer.ending:
            super().handle_exit(sig, frame)
            return
        GracefulServer.ending = True
        threading.Timer({drain_s:g}, super().handle_exit, (sig, frame)).start()


@{app}.middleware("http")
async def close_connections_while_ending(request, call_next):
    response = await call_next(request)
    if GracefulServer.ending:
        response.headers["Connection"] = "close"
    return response

'''


def patch_of(subject: Subject) -> tuple[str, str]:
    """Return a diff, and why there is none: one of the two is empty."""
    sources = subject.project.sources
    if not sources:
        return "", subject.project.unread or "its source could not be read"
    if sources[0].is_node:
        return _node(subject)
    return _python(subject)


def _node(subject: Subject) -> tuple[str, str]:
    if read_script(subject.project.text).handles:
        return "", "it handles SIGINT or SIGTERM already; `opsagent lint` says what is missing in that"
    for source in subject.project.sources:
        created = {match[1] for match in _CREATED.finditer(source.text)}
        for listen in _LISTEN.finditer(source.text):
            if listen["app"] in created or _EXPRESS.search(source.text):
                return _node_patch(subject, source, listen, created), ""
    return "", "no `app.listen(…)` of Express, nor of a server made with createServer, was found"


def _node_patch(subject: Subject, source: Source, listen: re.Match[str], created: set[str]) -> str:
    lines = _lines_of(source)
    at = source.line_of(listen.start("app")) - 1
    server = listen["app"] if listen["app"] in created else listen["name"] or "server"
    if server == "server" and listen["app"] not in created and not listen["own"]:
        lines[at] = lines[at].replace(f"{listen['app']}.listen", f"const server = {listen['app']}.listen", 1)
    most_ms = int((subject.setup.stop_timeout_s or 5.0) * _MARGIN_S * 1000)
    end = _NODE_END.format(server=server, most_ms=most_ms)
    if subject.setup.says_ready and "'ready'" not in source.text and '"ready"' not in source.text:
        end += _READY.format(server=server)
    new = [*lines, *end.splitlines(keepends=True)]
    if _NET.search(source.text) is None:
        esm = source.path.suffix == ".mjs" or _ESM.search(source.text) is not None
        new.insert(_head(new), 'import net from "node:net";\n' if esm else 'const net = require("node:net");\n')
    return _diff(source, lines_before=_lines_of(source), after=new)


def _head(lines: list[str]) -> int:
    """Return where a further import goes: behind a `#!` line and "use strict"."""
    at = 0
    while at < len(lines) and (lines[at].startswith("#!") or lines[at].strip().strip(";").strip("'\"") == "use strict"):
        at += 1
    return at


def _python(subject: Subject) -> tuple[str, str]:
    for source in subject.project.sources:
        app, run = _FASTAPI.search(source.text), _RUN.search(source.text)
        if app is None:
            continue
        if run is None:
            limit = subject.setup.stop_timeout_s or 10.0
            return "", (
                "uvicorn runs it by its own command, which a patch of the app cannot change: give it "
                f"--timeout-graceful-shutdown {max(1, int(limit * _MARGIN_S))}"
            )
        if "handle_exit" in source.text:
            return "", "it has an end of its own already (handle_exit)"
        made = _python_patch(subject, source, app, run)
        return made, "" if made else "its call of uvicorn.run could not be read"
    return "", "no `FastAPI(…)` was found"


def _python_patch(subject: Subject, source: Source, app: re.Match[str], run: re.Match[str]) -> str:
    before, limit = _lines_of(source), subject.setup.stop_timeout_s or 10.0
    text = "".join(before)
    call = _call(text, source.line_of(run.start()))
    if call is None:
        return ""
    start, end, arguments = call
    what = _first(arguments)
    given = app["app"] if what.strip()[:1] in {"'", '"'} else what.strip()
    rest = arguments[len(what) :].strip().rstrip(",")
    grace = max(1, int(limit * _MARGIN_S / 2))
    config = f"uvicorn.Config({given}{rest}, timeout_graceful_shutdown={grace})"
    ours = _PYTHON_END.format(app=app["app"], drain_s=min(2.0, limit * _MARGIN_S / 4))
    lines = f"{text[:start]}GracefulServer({config}).run(){text[end:]}".splitlines(keepends=True)
    first = text.count("\n", 0, start)
    outermost = next((at for at in range(first, -1, -1) if lines[at].strip() and not lines[at][0].isspace()), first)
    lines[outermost:outermost] = ours.splitlines(keepends=True)
    if not re.search(r"(?m)^import threading", text):
        imports = next((at for at, line in enumerate(lines) if re.match(r"(?:import|from) (?!__future__)", line)), 0)
        lines.insert(imports, "import threading\n")
    return _diff(source, lines_before=before, after=lines)


def _call(text: str, line: int) -> tuple[int, int, str] | None:
    """Return from where to where the call of `uvicorn.run` goes that begins on a line, and what it is given."""
    begins = sum(len(one) for one in text.splitlines(keepends=True)[: line - 1])
    found = _RUN.search(text, begins)
    if found is None:
        return None
    end = _closing(text, found.end())
    return None if end is None else (found.end("indent"), end + 1, text[found.end() : end])


def _first(arguments: str) -> str:
    end = _closing(arguments, 0, at=",")
    return arguments if end is None else arguments[:end]


def _closing(text: str, begin: int, at: str = ")") -> int | None:
    """Return where, outside of quotations and further brackets, the next `at` is; None: nowhere."""
    depth, quote = 0, ""
    for place in range(begin, len(text)):
        char = text[place]
        if quote:
            quote = "" if char == quote and text[place - 1] != "\\" else quote
        elif not depth and char == at:
            return place
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
    return None


def _lines_of(source: Source) -> list[str]:
    """Return the file's own lines, comments and all, each with its end."""
    lines = source.path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return lines


def _diff(source: Source, *, lines_before: list[str], after: list[str]) -> str:
    name = str(source.path).lstrip("/")
    return "".join(difflib.unified_diff(lines_before, after, f"a/{name}", f"b/{name}"))
