"""The one place that opens connections to X servers: each on a thread of its own, so that a hung server hangs nobody.

python-xlib takes the cookie from the process's environment, keeps extensions' numbers in its classes, and falls back to
TCP. Here the cookie is handed in, numbers belong to the connection, and only the local socket is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from opsagent_tools.gui.port import NotUsable, ScreenError, SurfaceGone
from opsagent_tools.gui.x11.cookies import SCHEME, read_cookie
from opsagent_tools.patience import within

T = TypeVar("T")
_OPEN_S = 10.0
_ANSWER_S = 5.0
_LEAST = (0, 33)
_PARTS = ("display", "error", "protocol.display", "X", "XK", "Xatom", "Xutil", "ext.randr", "ext.res", "ext.xtest")
_opening = threading.local()
_library: list[Any] = []


class NoAnswer(ScreenError):
    """The X server did not answer in time; this connection is given up."""


def xlib() -> Any:
    """Return the library's package, checked: python-xlib of at least 0.33. Raises NotUsable."""
    if not _library:
        try:
            library = import_module("Xlib")
            for part in _PARTS:
                import_module(f"Xlib.{part}")
        except ImportError as error:
            raise NotUsable(f"no usable Xlib ({error}): python -m pip install 'python-xlib>=0.33'") from None
        if getattr(library, "__version__", (0, 0)) < _LEAST:
            raise NotUsable(f"Xlib is {_who()}: python -m pip install --force-reinstall 'python-xlib>=0.33'")
        _make_connections_apart(library)
        _library.append(library)
    return _library[0]


def _who() -> str:
    """Return which distribution is `Xlib`: python3-xlib, which PyAutoGUI brings, is an old copy under the same name."""
    try:
        return f"not python-xlib, but python3-xlib {version('python3-xlib')}, which overwrote it"
    except PackageNotFoundError:
        return "too old"


def _make_connections_apart(library: Any) -> None:
    """Let a connection have its own cookie and its own numbers of extensions, on whichever server others are."""
    connect = library.protocol.display.connect
    by_environment, by_name = connect.get_auth, connect.get_socket

    def get_auth(*asked: Any) -> Any:
        opening: XConnection | None = getattr(_opening, "connection", None)
        return by_environment(*asked) if opening is None else opening.credentials()

    def get_socket(*asked: Any) -> Any:
        opening: XConnection | None = getattr(_opening, "connection", None)
        return by_name(*asked) if opening is None else opening.connected()

    class Base(library.display._BaseDisplay):  # type: ignore[misc] # noqa: SLF001 (no other way in)
        def __init__(self, *given: Any, **named: Any) -> None:
            for numbers in ("extension_major_opcodes", "error_classes", "event_classes"):
                setattr(self, numbers, dict(getattr(type(self), numbers)))
            super().__init__(*given, **named)

    connect.get_auth, connect.get_socket = get_auth, get_socket
    library.display._BaseDisplay = Base  # noqa: SLF001


class XConnection:
    """A connection to the X server of this machine. `ask` runs a function with it on its thread, one at a time."""

    def __init__(self, name: str, cookie_file: Path | None) -> None:
        """Take the display's name (`:3`) and its Xauthority file, None where the server asks for none."""
        self.name = name
        self._cookie_file = cookie_file
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"x{name}")
        self._server: Any = None
        self._socket: socket.socket | None = None
        self._lost = ""

    def ask_now(self, question: Callable[[Any], T], timeout_s: float = _ANSWER_S) -> T:
        """Run `question(Xlib.display.Display)`, waiting on this thread. Raises NotUsable, SurfaceGone, NoAnswer."""
        try:
            return self._submit(question).result(timeout_s + (0 if self._server else _OPEN_S))
        except TimeoutError:
            raise self._given_up(timeout_s) from None

    async def ask(self, question: Callable[[Any], T], timeout_s: float = _ANSWER_S) -> T:
        """Run `question(Xlib.display.Display)` on the connection's thread. Raises NotUsable, SurfaceGone, NoAnswer."""
        limit = timeout_s + (0 if self._server else _OPEN_S)
        answer = asyncio.wrap_future(self._submit(question))
        try:
            return await within(asyncio.shield(answer), limit)
        except TimeoutError:
            answer.cancel()
            raise self._given_up(timeout_s) from None

    def connected(self) -> socket.socket:
        """Return a socket that is connected to the server of this machine. Raises OSError."""
        self._socket = found = socket.socket(socket.AF_UNIX)
        path = f"/tmp/.X11-unix/X{self._number}"  # noqa: S108 (where X servers listen)
        try:
            found.connect(path)
        except FileNotFoundError:
            found.connect(f"\0{path}")
        if self._lost:  # given up before there was anything to hang up
            self._hang_up()
        return found

    def credentials(self) -> tuple[bytes, bytes]:
        """Return name and value of the cookie, empty where there is none. Raises OSError."""
        if self._cookie_file is None:
            return b"", b""
        cookie = read_cookie(self._cookie_file, self._number)
        return (SCHEME, cookie) if cookie is not None else (b"", b"")

    def close(self) -> None:
        """Close the connection; what is being asked meanwhile fails."""
        self._lost = self._lost or "closed"
        self._hang_up()
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._socket is not None:
            self._socket.close()

    def _submit(self, question: Callable[[Any], T]) -> Future[T]:
        if self._lost:
            raise SurfaceGone(f"the display {self.name} cannot be used: {self._lost}")
        return self._thread.submit(self._run, question)

    def _run(self, question: Callable[[Any], T]) -> T:
        library = xlib()
        if self._server is None:
            self._server = self._open(library)
        try:
            return question(self._server)
        except (library.error.ConnectionClosedError, library.error.DisplayConnectionError, OSError) as error:
            self._lost = self._lost or "its server ended"
            raise SurfaceGone(f"the display {self.name} cannot be used: {self._lost} ({error})") from None

    def _open(self, library: Any) -> Any:
        _opening.connection = self
        try:
            server = library.display.Display(f"unix/:{self._number}")
        except (library.error.DisplayError, library.error.ConnectionClosedError, OSError) as error:
            why = self._lost or " ".join(str(error).split())
            raise NotUsable(f"no X server that can be used is {self.name}: {why}") from None
        finally:
            _opening.connection = None
        server.set_error_handler(lambda *_: None)  # of requests without an answer: a window that is gone is no error
        return server

    @property
    def _number(self) -> str:
        return self.name.rpartition(":")[2].partition(".")[0]

    def _given_up(self, waited_s: float) -> NoAnswer:
        self._lost = f"it did not answer within {waited_s:g} s"
        self._hang_up()
        return NoAnswer(f"the display {self.name} cannot be used: {self._lost}")

    def _hang_up(self) -> None:
        """Make whatever waits for the server stop waiting."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
