"""Opening a display of our own, and what can be asked of one."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from opsagent_tools.gui.display.keeping import Keeper, Program
from opsagent_tools.gui.display.starting import Wanted, start
from opsagent_tools.gui.model import Window
from opsagent_tools.gui.port import NotUsable, ScreenError
from opsagent_tools.gui.x11.windows import Windows
from opsagent_tools.gui.x11.xlib import XConnection

_LOOK_S = 0.05


class Display:
    """A display of this machine."""

    def __init__(self, name: str, env: Mapping[str, str], *, folder: Path | None, keeper: Keeper | None) -> None:
        self.name = name
        """Of the X server: `:3`."""
        self.env = dict(env)
        """The whole environment for programs on it: DISPLAY, XAUTHORITY, DBUS_SESSION_BUS_ADDRESS, AT_SPI_BUS_ADDRESS …"""
        self.folder = folder
        """Private folder (0700) of its sockets and cookie; what lies there goes with the display. None: not ours."""
        self._keeper = keeper
        self.connection = self.connect()
        self.desktop = Windows(self.connection)
        """Its windows: raised, closed, placed; what is at a point, what has the keys; monitors."""

    @property
    def own(self) -> bool:
        """Whether we started it: a private display, on which no person works."""
        return self._keeper is not None

    @property
    def keeper_pid(self) -> int:
        """The process that all of it runs under; 0 on a display that is not ours."""
        return self._keeper.pid if self._keeper is not None else 0

    def connect(self) -> XConnection:
        """Return one more connection to its server, on a thread of its own; whoever takes it closes it."""
        cookie = Path(self.env.get("XAUTHORITY") or Path(self.env.get("HOME", "/")) / ".Xauthority")
        return XConnection(self.name, cookie if cookie.is_file() else None)

    def holds(self, pid: int) -> bool:
        """Tell whether a process was started on this display, or by what was; never so on a display that is not ours."""
        return self._keeper is not None and self._keeper.holds(pid)

    async def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        output: Path | None = None,
    ) -> Program:
        """Start a program on it; no shell. `env` adds to the display's. `output`: what it prints goes there (0600).

        Raises NotUsable where it cannot be started.
        """
        return await asyncio.to_thread(self.run_now, argv, env=env, cwd=cwd, output=output)

    def run_now(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        output: Path | None = None,
    ) -> Program:
        """Do what `run` does, waiting on this thread."""
        if self._keeper is None:
            raise ScreenError(f"{self.name} is not a display of ours: programs are started there by its user")
        whole = self.env | dict(env or {})
        wanted = str(cwd / argv[0]) if cwd is not None and "/" in argv[0] else argv[0]
        found = shutil.which(wanted, path=whole.get("PATH"))
        if found is None:
            raise NotUsable(f"{argv[0]} is not installed")
        if output is None:
            return self._listened_to(self._keeper, [found, *argv[1:]], whole, cwd)
        with Path("/dev/null").open("rb") as nothing, open(output, "ab", opener=_private) as file:
            return self._keeper.start(
                [found, *argv[1:]], whole, cwd=cwd, files=(nothing.fileno(), file.fileno(), file.fileno())
            )

    def _listened_to(self, keeper: Keeper, argv: Sequence[str], env: Mapping[str, str], cwd: Path | None) -> Program:
        """Start a program whose last words are caught."""
        hears, says = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            program = keeper.start(argv, env, cwd=cwd, files=(nothing, says, says))
        except BaseException:
            os.close(hears)
            raise
        finally:
            os.close(nothing)
            os.close(says)
        program.listen(hears)
        return program

    async def windows(self) -> tuple[Window, ...]:
        """Return the windows on it, in the order of stacking, the topmost last. Raises SurfaceGone."""
        return await self.desktop.list()

    async def window(
        self, *, program: str = "", title: str = "", wm_class: str = "", pid: int = 0, timeout_s: float = 20.0
    ) -> Window:
        """Wait for a window of that program (name), part of a title, class or pid; return the topmost. Raises ScreenError."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            for one in reversed(await self.windows()):
                if (
                    (not program or one.program == program)
                    and title in one.title
                    and (not wm_class or f".{wm_class}." in f".{one.wm_class}.")
                    and (not pid or one.pid == pid)
                ):
                    return one
            if asyncio.get_running_loop().time() >= deadline:
                wanted = ", ".join(
                    filter(None, (program, title and f"“{title}”", wm_class, f"process {pid}" if pid else ""))
                )
                raise ScreenError(f"no window of {wanted} came within {timeout_s:g} s")
            await asyncio.sleep(_LOOK_S)

    def close(self) -> None:
        """End it with everything on it where it is ours; let go of it where it is not. Blocks until it is done."""
        self.connection.close()
        if self._keeper is not None:
            self._keeper.end()


@contextmanager
def screen_display(size: tuple[int, int] = (1280, 800)) -> Iterator[Display]:
    """Open a display of our own, waiting on this thread. See `open_display`."""
    display = _open(Wanted(size=size))
    try:
        yield display
    finally:
        display.close()


@asynccontextmanager
async def open_display(
    size: tuple[int, int] = (1280, 800),
    *,
    monitors: Sequence[tuple[int, int]] = (),
    accessible: bool = True,
    resources: Mapping[str, str] | None = None,
) -> AsyncIterator[Display]:
    """Open a display of our own of `size` pixels, and end it with everything on it.

    `monitors`: sizes of several monitors, side by side, instead of `size`. `accessible`: with an accessibility bus.
    `resources`: X resources, such as {"Xft.dpi": "134"} for larger fonts. Raises NotUsable, and says what to install.
    """
    wanted = Wanted(size=size, monitors=monitors, accessible=accessible, resources=resources or {})
    opening = asyncio.create_task(asyncio.to_thread(_open, wanted))
    try:
        display = await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.to_thread((await opening).close)
        raise
    try:
        yield display
    finally:
        await asyncio.shield(asyncio.to_thread(display.close))


@contextmanager
def attached(name: str, env: Mapping[str, str]) -> Iterator[Display]:
    """Use a display that is there already, such as a person's desktop; nothing is started or ended on it.

    `env`: the environment of its session (XAUTHORITY, DBUS_SESSION_BUS_ADDRESS …).
    """
    display = Display(name, {**env, "DISPLAY": name}, folder=None, keeper=None)
    try:
        yield display
    finally:
        display.close()


def _open(wanted: Wanted) -> Display:
    started = start(wanted)
    return Display(started.name, started.env, folder=started.folder, keeper=started.keeper)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
