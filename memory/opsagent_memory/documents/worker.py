"""The process that reads files. It is alone with them: bounded in memory and time, and killed when it takes too long.

A file is somebody else's text; a PDF may be made so that reading it never ends. Request: a line of JSON
(`format`, `size`, `pages`, `seconds`), then `size` bytes. Answer: a line of JSON, `{"parsed": …}` or
`{"unreadable": reason}`.
"""

from __future__ import annotations

import json
import math
import resource
import sys
from typing import Any, BinaryIO

from opsagent_memory.documents.parsed import Parsed, to_json
from opsagent_memory.documents.unreadable import Unreadable


def main() -> None:
    """Answer requests until the input ends."""
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["size"])
        _bound_time(request["seconds"])
        answers.write(json.dumps(_answer(request, data)).encode() + b"\n")
        answers.flush()


def _answer(request: dict[str, Any], data: bytes) -> dict[str, Any]:
    try:
        return {"parsed": to_json(_read(request["format"], data, request["pages"]))}
    except Unreadable as error:
        return {"unreadable": str(error)}
    except MemoryError:
        return {"unreadable": "reading it takes more memory than it may"}
    except RecursionError:
        return {"unreadable": "nested too deeply"}
    except Exception as error:  # noqa: BLE001 (whatever a parser stumbles over is the fault of the file)
        return {"unreadable": f"broken ({type(error).__name__})"}


def _read(name: str, data: bytes, pages: int) -> Parsed:
    # Each is imported when it is first needed.
    if name == "pdf":
        from opsagent_memory.documents.pdf import read as read_pdf

        return read_pdf(data, pages)
    text = data.decode()
    if name == "markdown":
        from opsagent_memory.documents.markdown import read as read_markdown

        return read_markdown(text)
    if name == "html":
        from opsagent_memory.documents.html import read as read_html

        return read_html(text)
    from opsagent_memory.documents.plain import read as read_plain

    return read_plain(text)


def _bound_time(seconds: float) -> None:
    """Let the kernel end this process (SIGXCPU) when the file has kept it busy for so long, whoever is still there."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
