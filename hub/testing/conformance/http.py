"""HTTP for a connector under test, with the behaviour that `hub.api.Http` promises."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

import httpx

from hub.model.connector import Response
from hub.model.errors import AuthError, Unavailable

TRIES = 2


class LoopbackHttp:
    """A client for loopback peers: idempotent calls are tried twice, everything else once."""

    def __init__(self) -> None:
        self._client = httpx.Client(trust_env=False)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: timedelta = timedelta(seconds=60),
        max_bytes: int = 32 * 1024 * 1024,
        accept_status: Collection[int] = (),
    ) -> Response:
        """Send a request and read the answer whole."""
        request = self._client.build_request(
            method, url, params=params, headers=headers, content=content, timeout=timeout.total_seconds()
        )
        tries = TRIES if method in {"GET", "HEAD", "OPTIONS"} else 1
        for left in reversed(range(tries)):
            try:
                return self._send(request, max_bytes, accept_status)
            except Unavailable:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _send(self, request: httpx.Request, max_bytes: int, accept_status: Collection[int]) -> Response:
        where = f"{request.method} {request.url.copy_with(query=None)}"
        try:
            answer = self._client.send(request, stream=True)
            try:
                content = _read(answer, max_bytes, where)
            finally:
                answer.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"{where} failed: {type(error).__name__}.") from error
        status = answer.status_code
        if status not in accept_status:
            if status in (401, 403):
                raise AuthError(f"{where} refused the credentials with status {status}.")
            if status == 429 or status >= 500:
                raise Unavailable(f"{where} answered with status {status}.")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Response(status, headers, content, str(answer.url))


def _read(answer: httpx.Response, max_bytes: int, where: str) -> bytes:
    parts, size = [], 0
    for part in answer.iter_bytes():
        size += len(part)
        if size > max_bytes:
            raise Unavailable(f"{where} answered with more than {max_bytes} bytes.")
        parts.append(part)
    return b"".join(parts)
