"""A bad line between a connector and a peer: a TCP proxy that makes one trouble from a given exchange on.

An exchange begins when the client speaks after the server did, whatever the protocol. The words are those of toxiproxy
where it has one: `down`, `reset_peer`, `limit_data`, `timeout`, `latency`, `bandwidth`, `slicer`, `slow_close`.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress

BREAKING = ("down", "reset_peer", "limit_data", "timeout")
HINDERING = ("latency", "bandwidth", "slicer", "slow_close")
SECONDS = 0.15
"""How long a trouble of time lasts; longer ones differ only in what the limits of each connector say."""


class Line:
    """Listens on a port of its own and passes bytes on to `port` of this machine."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.mend()
        self._listen()

    def mend(self) -> None:
        """Pass everything on from now on, and count exchanges from 0."""
        self._trouble, self._at, self._times, self._share = "", 0, 0, 0.0
        self.exchanges = self.done = 0
        if self._listener.fileno() < 0:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listen()

    def trouble(self, name: str, at: int, *, times: int, share: float) -> None:
        """Make trouble at exchange `at`, counted from 1, so many times; `share` of a piece passes where one is cut."""
        self._trouble, self._at, self._times, self._share = name, at, times, share

    def close(self) -> None:
        """End every connection and stop listening."""
        self._stop()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self._listener.close()
        for pair in list(self._pairs):
            self._end(pair, abruptly=True)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            for it in (near, far):
                it.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.add((near, far))
            threading.Thread(target=self._serve, args=((near, far),), daemon=True).start()

    def _end(self, pair: tuple[socket.socket, socket.socket], *, abruptly: bool = False) -> None:
        self._pairs.discard(pair)
        for it in pair:
            with suppress(OSError):
                if abruptly:
                    it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                it.shutdown(socket.SHUT_RDWR)
            it.close()

    def _serve(self, pair: tuple[socket.socket, socket.socket]) -> None:
        near, far = pair
        state = {"asked": False, "trouble": ""}
        threading.Thread(target=self._answer, args=(pair, state), daemon=True).start()
        with suppress(OSError):
            while piece := near.recv(65536):
                if not state["asked"]:
                    state["asked"], state["trouble"] = True, self._begin()
                if state["trouble"] == "down":
                    self._stop()
                    return
                if state["trouble"] == "reset_peer":
                    self._end(pair, abruptly=True)
                    return
                far.sendall(piece)
        self._end(pair)

    def _begin(self) -> str:
        """Count an exchange; return the trouble it is to have."""
        with self._lock:
            self.exchanges += 1
            is_now = self._trouble != "" and self.exchanges >= self._at and self.done < self._times
            self.done += is_now
            return self._trouble if is_now else ""

    def _answer(self, pair: tuple[socket.socket, socket.socket], state: dict[str, object]) -> None:
        near, far = pair
        trouble = ""
        with suppress(OSError):
            while piece := far.recv(65536):
                trouble, state["asked"], state["trouble"] = str(state["trouble"]) or trouble, False, ""
                if trouble == "timeout":
                    time.sleep(SECONDS)
                    break
                if trouble == "limit_data":
                    near.sendall(piece[: int(len(piece) * self._share)])
                    break
                if trouble == "latency":
                    time.sleep(SECONDS)
                    trouble = ""
                pace = {"bandwidth": 512, "slicer": 1}.get(trouble)
                for start in range(0, min(len(piece), 20 * (pace or 0)), pace or 1):
                    near.sendall(piece[start : start + (pace or 1)])
                    time.sleep(SECONDS / 60)
                near.sendall(piece[20 * (pace or 0) :])
            if trouble == "slow_close":
                time.sleep(SECONDS)
        self._end(pair)
