"""The accessibility bus of one display: the one module of the surfaces that knows dbus-fast.

Many questions are sent at once and their answers are collected together (`Bus.ask`): a round trip costs about the same
for one question and for three hundred. A program that hangs answers nothing; its questions end with the deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from opsagent_tools.gui.port import NotUsable, ScreenError

_BUS, _BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
_LAUNCHER, _LAUNCHER_PATH = "org.a11y.Bus", "/org/a11y/bus"
_CONNECT_S = 5.0
_UNANSWERED = 96
"""Questions under way at once: dbus-fast hangs up where the socket's buffer (about 200 small messages) is full."""
_SLOWEST = 10
"""So many times as long a question may take where others are answered meanwhile."""
_INSTALL = "install it: apt-get install at-spi2-core"


class Ref(NamedTuple):
    """One accessible object: the connection of its program, and the path there."""

    name: str
    path: str


class Ask(NamedTuple):
    """One question."""

    of: Ref
    interface: str
    member: str
    signature: str = ""
    arguments: tuple[Any, ...] = ()


class Failed(NamedTuple):
    """No answer: the object is gone, does not know the question, or said nothing until the deadline."""

    why: str


SILENT: Final = Failed("no answer in time")


class Silent(ScreenError):
    """The program does not answer: it hangs, or is very busy."""


class Bus:
    """A connection to the accessibility bus."""

    def __init__(self, link: Any) -> None:
        self._link = link
        self._queue: deque[_Batch] = deque()
        self._waiting: dict[int, tuple[_Batch, int]] = {}
        """By serial number."""
        self._heard = 0
        """How many answers have come."""
        self._listeners: list[Callable[[str, str, str], None]] = []
        self._watched: set[str] = set()
        link.add_message_handler(self._arrived)

    @classmethod
    async def open(cls, env: Mapping[str, str]) -> Bus:
        """Connect to the accessibility bus of the display that `env` belongs to.

        Its address is AT_SPI_BUS_ADDRESS, else what `org.a11y.Bus` on the session's bus answers. Raises NotUsable.
        """
        address = env.get("AT_SPI_BUS_ADDRESS") or await _address_from_session(env)
        return cls(await _connected(address, "the accessibility bus"))

    @property
    def alive(self) -> bool:
        return bool(self._link.connected)

    async def ask(self, questions: Sequence[Ask], *, within_s: float = 1.0) -> list[Any]:
        """Send all questions at once and return their answers in order; `Failed` where there is none.

        `within_s`: how long nobody may answer anything. Who is slow, and answers, is waited for; at most ten times as long.
        An answer is the value that came back (a tuple where there are several), variants opened.
        Raises ScreenError where the bus is gone.
        """
        if not questions:
            return []
        if not self.alive:
            raise ScreenError("the accessibility bus is gone: its display ended")
        batch = _Batch(questions, asyncio.get_running_loop().create_future())
        self._queue.append(batch)
        self._send_more()
        try:
            for _ in range(_SLOWEST):
                heard = self._heard
                await asyncio.wait([batch.all_there], timeout=within_s)
                if batch.all_there.done() or self._heard == heard:
                    break
            return batch.answers
        finally:
            self._forget(batch)

    async def one(self, question: Ask, *, within_s: float = 1.0) -> Any:
        """Ask one question. Raises Silent where nothing is answered in time, ScreenError where it fails."""
        (answer,) = await self.ask([question], within_s=within_s)
        if answer is SILENT:
            raise Silent(f"no answer within {within_s:g} s: the program hangs, or is very busy")
        if isinstance(answer, Failed):
            raise ScreenError(f"the program could not tell: {answer.why}")
        return answer

    async def pids(self, names: Sequence[str]) -> list[int | None]:
        """Return the process ids behind connections, as the bus (the kernel's peer credentials) knows them."""
        questions = [Ask(Ref(_BUS, _BUS_PATH), _BUS, "GetConnectionUnixProcessID", "s", (name,)) for name in names]
        answers = await self.ask(questions)
        return [answer if isinstance(answer, int) else None for answer in answers]

    async def watch(self, rules: Sequence[str]) -> None:
        """Have signals that match these rules sent here; each rule once."""
        new = [rule for rule in rules if rule not in self._watched]
        self._watched.update(new)
        await self.ask([Ask(Ref(_BUS, _BUS_PATH), _BUS, "AddMatch", "s", (rule,)) for rule in new])

    async def unwatch(self, rules: Sequence[str]) -> None:
        """Have them no longer sent."""
        old = [rule for rule in rules if rule in self._watched]
        self._watched.difference_update(old)
        if self.alive:
            await self.ask([Ask(Ref(_BUS, _BUS_PATH), _BUS, "RemoveMatch", "s", (rule,)) for rule in old])

    def listen(self, listener: Callable[[str, str, str], None]) -> Callable[[], None]:
        """Call `listener(sender, path, member)` for each signal that is watched; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    async def close(self) -> None:
        """Hang up."""
        for batch in {batch for batch, _ in self._waiting.values()} | set(self._queue):
            if not batch.all_there.done():
                batch.all_there.set_result(None)
        self._waiting.clear()
        self._queue.clear()
        self._link.disconnect()
        with contextlib.suppress(Exception):  # how it ends does not matter any more
            async with asyncio.timeout(1.0):
                await self._link.wait_for_disconnect()

    def _send_more(self) -> None:
        """Send what waits, as long as not too much is unanswered."""
        while self._queue and len(self._waiting) < _UNANSWERED:
            batch = self._queue[0]
            if batch.sent == len(batch.questions):
                self._queue.popleft()
            else:
                self._send(batch)

    def _send(self, batch: _Batch) -> None:
        from dbus_fast.message import Message

        serial = self._link.next_serial()
        self._waiting[serial] = (batch, batch.sent)
        of, interface, member, signature, arguments = batch.questions[batch.sent]
        batch.sent += 1
        message = Message(
            destination=of.name,
            path=of.path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(arguments),
            serial=serial,
        )
        batch.sending = self._link.send(message)

    def _forget(self, batch: _Batch) -> None:
        """Wait no longer for what has not come."""
        batch.all_there.cancel()
        if batch.missing:
            self._waiting = {serial: one for serial, one in self._waiting.items() if one[0] is not batch}
            batch.sent = len(batch.questions)
            self._send_more()
        if batch.sending is not None and batch.sending.done():
            batch.sending.exception()  # seen: where sending failed the link is down, which `alive` tells

    def _arrived(self, message: Any) -> bool:
        from dbus_fast.constants import MessageType

        kind = message.message_type
        if kind is MessageType.SIGNAL:
            for listener in tuple(self._listeners):
                listener(message.sender or "", message.path or "", message.member or "")
            return False
        if kind is MessageType.METHOD_CALL:
            return False
        waiting = self._waiting.pop(message.reply_serial, None)
        if waiting is None:
            return False
        self._heard += 1
        batch, number = waiting
        batch.take(number, Failed(str(message.error_name)) if kind is MessageType.ERROR else _opened(message.body))
        self._send_more()
        return True


class _Batch:
    """Questions that are asked together."""

    def __init__(self, questions: Sequence[Ask], all_there: asyncio.Future[None]) -> None:
        self.questions = questions
        self.answers: list[Any] = [SILENT] * len(questions)
        self.missing = len(questions)
        self.sent = 0
        self.sending: asyncio.Future[None] | None = None
        self.all_there = all_there

    def take(self, number: int, answer: Any) -> None:
        self.answers[number] = answer
        self.missing -= 1
        if not self.missing and not self.all_there.done():
            self.all_there.set_result(None)


def _opened(body: list[Any]) -> Any:
    from dbus_fast.signature import Variant

    if len(body) != 1:
        return tuple(body)
    return body[0].value if isinstance(body[0], Variant) else body[0]


async def _address_from_session(env: Mapping[str, str]) -> str:
    session = env.get("DBUS_SESSION_BUS_ADDRESS", "")
    if not session:
        raise NotUsable(f"no D-Bus session is named for this display, so nothing on it tells what it shows; {_INSTALL}")
    bus = Bus(await _connected(session, "the D-Bus session"))
    try:
        answer = await bus.one(Ask(Ref(_LAUNCHER, _LAUNCHER_PATH), _LAUNCHER, "GetAddress"), within_s=_CONNECT_S)
    except ScreenError as error:
        raise NotUsable(f"the session has no accessibility bus ({error}); {_INSTALL}") from None
    finally:
        await bus.close()
    return str(answer)


async def _connected(address: str, what: str) -> Any:
    from dbus_fast.aio import MessageBus

    try:
        async with asyncio.timeout(_CONNECT_S):
            return await MessageBus(bus_address=address).connect()
    except Exception as error:  # the library raises what comes: OSError, ValueError, its own
        raise NotUsable(
            f"{what} of this display does not answer ({str(error) or type(error).__name__}); {_INSTALL}"
        ) from error
