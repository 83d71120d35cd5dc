"""The answer of a web server, block by block, from one that is fast enough or not at all.

A time-out of a socket starts again with every byte, so a server that sends one every few seconds would hold a download
for hours, in its headers too; and looking an address up has no time-out. Here a thread asks, and whoever waits for its
blocks looks at the clock.
"""

import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message
    from http.client import HTTPResponse

_BLOCK = 1 << 16
_WAITING_BLOCKS = 4  # that nobody has taken yet: the thread then waits


class TooSlow(Exception):
    """A server has sent fewer bytes than it had time for; the message says how many."""


@dataclass(frozen=True)
class Head:
    """The status and the headers of an answer."""

    status: int
    headers: "Message"


@dataclass
class Pace:
    """How long a server may take: `patience` seconds, and a second more for every `rate` bytes that have come."""

    patience: float = 20.0
    rate: float = 4000.0


def stream(ask: Callable[[], "HTTPResponse"], pace: Pace) -> Generator[Head | bytes]:
    """Yield the head of an answer and then its blocks, as they come.

    ask: sends the request and returns its answer, in a thread of its own; whatever it raises is raised here.
    Raises `TooSlow` when less than the pace has come, and `http.client.IncompleteRead` or an `OSError` for a cut.
    Close the iterator to leave early.
    """
    waiting: queue.Queue[Head | bytes | BaseException | None] = queue.Queue(_WAITING_BLOCKS)
    over = threading.Event()
    threading.Thread(target=_pump, args=(ask, waiting, over), daemon=True).start()
    deadline, got = time.monotonic() + pace.patience, 0
    try:
        while True:
            try:
                item = waiting.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TooSlow(f"too slow, {got:,} bytes in {pace.patience + got / pace.rate:.3g} seconds") from None
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, bytes):
                got, deadline = got + len(item), deadline + len(item) / pace.rate
            yield item
    finally:
        over.set()


def _pump(
    ask: Callable[[], "HTTPResponse"],
    waiting: "queue.Queue[Head | bytes | BaseException | None]",
    over: threading.Event,
) -> None:
    """Ask, and put what comes into the queue, until all has come or nobody waits any more."""

    def put(item: Head | bytes | BaseException | None) -> None:
        while not over.is_set():
            with suppress(queue.Full):
                waiting.put(item, timeout=0.1)
                return

    try:
        with closing(ask()) as answer:
            put(Head(answer.status, answer.headers))
            while not over.is_set() and (block := answer.read1(_BLOCK)):
                put(block)
        put(None)
    except BaseException as error:  # whoever waits must hear of it, whatever it is
        put(error)
