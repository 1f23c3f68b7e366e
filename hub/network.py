"""Connect to the very address that was looked at.

Whoever looks at the addresses of a name first and lets a library look the name up again may be told something else the
second time. So a name is looked up once for each new connection, all its addresses are checked, and the connection goes
to one of those. The name stays what it was for the certificate (SNI) and the header `Host`.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore
import httpx

from hub.model.errors import SettingsError

_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


def checked_addresses(host: str, port: int) -> list[str]:
    """Look a name up; return its addresses. Raises SettingsError when one of them is none of a server, OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for text in addresses:
        address = _meant(ipaddress.ip_address(text.partition("%")[0]))
        if address.is_link_local or address.is_multicast or address.is_unspecified or address in _THIS_NETWORK:
            raise SettingsError(f"refused to go to {host}: {address} is no server address.", field="url")
    return addresses


def _meant(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address inside an IPv6 one (mapped, compatible, 6to4, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


class CheckedBackend(httpcore.NetworkBackend):
    """Makes the connections of an HTTP client to addresses that were checked."""

    def __init__(self) -> None:
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        """Connect to the first address of the name that answers; all of them together have the time given."""
        end = None if timeout is None else time.monotonic() + timeout
        try:
            addresses = checked_addresses(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        return self._first(addresses, port, end, local_address, socket_options)

    def _first(self, addresses: Sequence[str], port: int, end: float | None, local_address: str | None,
               socket_options: Iterable[Any] | None) -> httpcore.NetworkStream:  # fmt: skip
        for place, address in enumerate(addresses, start=1):
            share = None if end is None else max((end - time.monotonic()) / (len(addresses) - place + 1), 0.001)
            try:
                return self._plain.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if place == len(addresses):
                    raise
        raise httpcore.ConnectError("the name has no address")


class CheckedTransport(httpx.HTTPTransport):
    """The transport of httpx with the one thing it cannot be given: who makes its connections."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=context, trust_env=False, limits=limits)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=CheckedBackend(),
        )
