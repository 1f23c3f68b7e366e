"""Files that only who has the key can read: a backup may lie on a disk or in a cloud that others look into.

The format, version 1:

* 16 bytes `svyazka-sealed-1`, 16 bytes of salt, 32 bytes HMAC-SHA256 over those 32.
* Pieces of 65,536 bytes, each sealed by ChaCha20-Poly1305 (RFC 8439), which adds 16 bytes. The nonce of a piece is its
  number from 0 in 12 bytes, big-endian; the last piece alone is shorter, and empty if need be. So a piece that is
  changed, moved, repeated or missing is noticed, the last one too: nobody else can make one that ends the file.
* Two keys of 32 bytes, for the pieces and for the HMAC, are made from the key a person keeps and the salt by scrypt
  (RFC 7914) with N = 2^17, r = 8, p = 1, which takes 128 MB and a third of a second. No two files share a salt, so none
  share a key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hub.model.errors import HubError

MAGIC = b"svyazka-sealed-1"
PIECE = 65_536
SHORTEST_KEY = 12
"""Characters of a key; a shorter one is guessed in spite of scrypt."""
_SALT, _MARK, _TAG = 16, 32, 16


def is_sealed(path: Path) -> bool:
    """Tell whether the file says that it is sealed."""
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def seal(plain: Path, sealed: Path, key: str) -> None:
    """Write the sealed form of a file, a piece at a time. Raises HubError for a key that is too short."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # only who seals waits for it

    if len(key) < SHORTEST_KEY:
        raise HubError(
            f"the key is shorter than {SHORTEST_KEY} characters.", hint="Make one with: openssl rand -base64 32"
        )
    head = MAGIC + secrets.token_bytes(_SALT)
    cipher_key, mark = _keys(key, head)
    cipher = ChaCha20Poly1305(cipher_key)
    with plain.open("rb") as reading, sealed.open("wb") as writing:
        writing.write(head + mark)
        for number, piece in enumerate(_pieces(reading, PIECE)):
            writing.write(cipher.encrypt(_nonce(number), piece, None))


def unseal(sealed: Path, key: str) -> Iterator[bytes]:
    """Yield the content of a sealed file piece by piece; only the end of the iteration says that it is whole.

    Raises HubError when the key is not the one, and when anything was changed or cut off.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    with sealed.open("rb") as reading:
        head, written = reading.read(len(MAGIC) + _SALT), reading.read(_MARK)
        if not head.startswith(MAGIC) or len(written) < _MARK:
            raise HubError(f"{sealed} is no sealed file, or only the beginning of one.")
        cipher_key, mark = _keys(key, head)
        if not hmac.compare_digest(mark, written):
            raise HubError(
                f"{sealed} does not open with this key.", hint="Give the key it was made with; nothing was changed."
            )
        cipher = ChaCha20Poly1305(cipher_key)
        for number, piece in enumerate(_pieces(reading, PIECE + _TAG)):
            try:
                yield cipher.decrypt(_nonce(number), piece, None)
            except InvalidTag as error:
                raise HubError(
                    f"{sealed} is damaged or cut off behind byte {number * PIECE} of its content.",
                    hint="Take another backup; nothing was changed.",
                ) from error


def _keys(key: str, head: bytes) -> tuple[bytes, bytes]:
    """Return the key of the pieces and the HMAC that belongs into the head."""
    made = hashlib.scrypt(
        key.encode(errors="surrogateescape"),
        salt=head[len(MAGIC) :],
        n=2**17,
        r=8,
        p=1,
        maxmem=160 * 1024 * 1024,
        dklen=64,
    )
    return made[:32], hmac.digest(made[32:], head, "sha256")


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield pieces of that size and at the end one that is shorter."""
    piece = stream.read(size)
    while len(piece) == size:
        yield piece
        piece = stream.read(size)
    yield piece
