"""A letter of many megabytes goes through a sync in a small multiple of its size."""

from __future__ import annotations

import base64
from pathlib import Path

from lab import Office

from hub.testing.peers.imap import MailPeer

MEASURING = """\
import resource, sys
from hub.cli import main
try:
    main()
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=sys.stderr)
"""
HEAD = (
    b"From: a@client.example\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf; name=a.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n"
)


def test_peak_of_a_sync_stays_below_five_times_the_letter(tmp_path: Path) -> None:
    program = tmp_path / "measuring.py"
    program.write_text(MEASURING)
    office, peer = Office(tmp_path / "office"), MailPeer()
    peer.start()
    try:
        settings = {**peer.settings(), "password": "env:MAIL_PASSWORD"}
        office.connect({"office": {"connector": "imap", **settings}})
        office.ok("init")
        found = []
        for _ in range(2):
            done = office.ok("sync", "--json", program=str(program), MAIL_PASSWORD=peer.settings()["password"])
            found.append((done.json[0]["new"], int(done.err.rpartition("peak ")[2])))
            raw = HEAD + base64.encodebytes(bytes(range(256)) * 80_000).replace(b"\n", b"\r\n")
            peer.imap.deliver(raw)
    finally:
        peer.stop()
    (none, usual), (one, peak) = found
    assert (none, one) == (0, 1)
    assert peak - usual < 5 * len(raw), f"{(peak - usual) / len(raw):.1f} times the letter"
