"""Sends messages through apprise, each channel in a thread of its own that nobody waits for.

A channel that is slow, dead or hangs fills its own queue and loses its own messages: putting a message in never blocks.
The threads are daemons, so that not even the end of the process waits longer than `close` is told to. An address holds
keys: it is a secret, and only the service's name is ever shown.
"""

import logging
import queue
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from orchestrator.alerts.events import Message
from orchestrator.errors import HostError

MOST_WAITING = 50
DELIVERED = "delivered"
FAILED = "failed"
DROPPED = "dropped"
_Waiting = queue.Queue[tuple[int, Message] | None]


@dataclass
class Channel:
    """One address. `service`: what it is called; two of a kind are numbered. `problem`: why the last attempt failed, in
    words that hold no secret."""

    service: str
    client: Any
    sent: int = 0
    failed: int = 0
    dropped: int = 0
    problem: str | None = None


def channels(addresses: Sequence[SecretStr]) -> tuple[Channel, ...]:
    """Raises HostError naming the position of an address that apprise does not know; the address is not shown."""
    from apprise import Apprise, AppriseAsset

    # apprise logs what it sends and to where
    for name in ("apprise", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    found: list[Channel] = []
    for number, address in enumerate(addresses, 1):
        client = Apprise(asset=AppriseAsset(app_id="volgamma", app_desc="VolatilityGamma", async_mode=False))
        try:
            known = client.add(address.get_secret_value())
        except Exception:  # third-party parsers, with the secret in their message
            known = False
        if not known:
            raise HostError(
                "alerts_invalid",
                f"address {number} of VOLGAMMA_ALERTS is none that apprise knows",
                "for example tgram://TOKEN/CHAT, discord://ID/TOKEN or mailto://user:password@host, comma-separated",
            )
        name = str(client[0].service_name)
        same = len([one for one in found if name in (one.service, one.service.rpartition(" #")[0])])
        found.append(Channel(f"{name} #{same + 1}" if same else name, client))
    return tuple(found)


def deliver(channel: Channel, message: Message) -> bool:
    """Send now, in this thread. Never raises."""
    from apprise import AppriseAttachment, NotifyType
    from apprise.attachment.memory import AttachMemory

    kinds = {
        "info": NotifyType.INFO,
        "success": NotifyType.SUCCESS,
        "warning": NotifyType.WARNING,
        "failure": NotifyType.FAILURE,
    }
    try:
        attach = None
        if message.picture is not None:
            attach = AppriseAttachment()
            memory: Any = AttachMemory
            attach.add(memory(content=message.picture, name="equity.png", mimetype="image/png"))
        # the service itself: apprise's own call works in a pool whose threads the interpreter waits for at its end
        done = bool(
            channel.client[0].notify(
                body=message.text, title=message.title, notify_type=kinds[message.severity], attach=attach
            )
        )
        channel.problem = None if done else "the service did not take it"
    except Exception as error:  # whatever a service does, nothing else may suffer
        done = False
        channel.problem = type(error).__name__
    channel.sent += done
    channel.failed += not done
    return done


class Sender:
    """Hands messages to all channels without waiting for any."""

    def __init__(self, targets: Iterable[Channel]) -> None:
        self.channels = tuple(targets)
        #: What became of each message: (its mark, service, what). To be fetched by whoever keeps that.
        self.results: queue.SimpleQueue[tuple[int, str, str]] = queue.SimpleQueue()
        self._waiting: list[_Waiting] = []
        self._threads: list[threading.Thread] = []
        for channel in self.channels:
            waiting: _Waiting = queue.Queue(MOST_WAITING)
            thread = threading.Thread(
                target=_work, args=(channel, waiting, self.results), name=f"alerts-{channel.service}", daemon=True
            )
            thread.start()
            self._waiting.append(waiting)
            self._threads.append(thread)

    def put(self, message: Message, mark: int = 0) -> None:
        """Returns at once; a full queue loses the message, and counts it. `mark`: what `results` call it."""
        for channel, waiting in zip(self.channels, self._waiting, strict=True):
            try:
                waiting.put_nowait((mark, message))
            except queue.Full:
                channel.dropped += 1
                self.results.put((mark, channel.service, DROPPED))

    def close(self, patience_s: float) -> None:
        """Let what waits be sent, for so long at most; whatever hangs is left behind."""
        for waiting in self._waiting:
            try:
                waiting.put_nowait(None)
            except queue.Full:
                pass
        until = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))


def _work(channel: Channel, waiting: _Waiting, results: "queue.SimpleQueue[tuple[int, str, str]]") -> None:
    while (one := waiting.get()) is not None:
        mark, message = one
        done = deliver(channel, message)
        results.put((mark, channel.service, DELIVERED if done else f"{FAILED}: {channel.problem}"))
