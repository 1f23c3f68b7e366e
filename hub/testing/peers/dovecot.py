"""The mail peer over a real Dovecot, for machines that have one: a private instance on loopback in a folder of its own.

Sending goes to the stand-in of the submission server, because Dovecot does not take mail.
"""

from __future__ import annotations

import imaplib
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from hub.testing.peer import Fault
from hub.testing.peers.imap import MailPeer, key_of, letter
from hub.testing.peers.smtp import PASSWORD, USER

_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
auth_verbose = yes
mail_location = maildir:{folder}/mail/%u
mail_uid = {owner}
mail_gid = {group}
first_valid_uid = 1
default_login_user = {login_user}
default_internal_user = {internal_user}
default_internal_group = {internal_group}
{tokens}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  {chroot}
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  {chroot}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
}}
"""

_TOKENS = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/tokens.conf
}}
"""
_INTROSPECTION = """
introspection_mode = get
introspection_url = {url}
username_attribute = user
active_attribute = active
active_value = yes
"""


def available() -> str:
    """Return why a Dovecot cannot be started here; an empty string when it can."""
    if program() is None:
        return "dovecot is not installed; on Debian: apt-get install dovecot-imapd"
    version = subprocess.run([str(program()), "--version"], capture_output=True, text=True, check=False).stdout
    return "" if version.startswith("2.3.") else f"the configuration is for Dovecot 2.3, here is {version.strip()}"


def program() -> str | None:
    """Return the path of the program."""
    return shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")


class Dovecot:
    """One private instance with one mailbox."""

    def __init__(self) -> None:
        self.folder = Path()
        self.port = 0
        self.introspection_url = ""
        """Where Dovecot asks whose a token is; with it XOAUTH2 is offered."""
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make its folder and configuration, and start it."""
        self.folder = Path(tempfile.mkdtemp(prefix="hub-dovecot-"))
        self.folder.chmod(0o755)
        is_root = os.geteuid() == 0
        us = pwd.getpwuid(os.geteuid())
        owner, group = ("nobody", "nogroup") if is_root else (us.pw_name, str(us.pw_gid))
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir(mode=0o755)
        if is_root:
            shutil.chown(self.folder / "mail", owner, group)
        self.set_password(PASSWORD)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        tokens = self.introspection_url
        (self.folder / "tokens.conf").write_text(_INTROSPECTION.format(url=tokens))
        config = _CONFIG.format(
            folder=self.folder,
            mechanisms="plain login xoauth2" if tokens else "plain login",
            tokens=_TOKENS.format(folder=self.folder) if tokens else "",
            port=self.port,
            owner=owner,
            group=group,
            login_user="dovenull" if is_root else owner,
            internal_user="dovecot" if is_root else owner,
            internal_group="dovecot" if is_root else group,
            chroot="" if is_root else "chroot =",
        )
        (self.folder / "dovecot.conf").write_text(config)
        self.start()

    def start(self) -> None:
        """Start it; returns when it answers."""
        self._process = subprocess.Popen(
            [str(program()), "-F", "-c", str(self.folder / "dovecot.conf")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait(self._answers, "Dovecot does not answer")

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None
            wait(lambda: not self._answers(), "Dovecot does not stop")

    def destroy(self) -> None:
        """Remove its folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def set_password(self, password: str) -> None:
        """Change the password of the mailbox; Dovecot looks whether the file has changed once a second."""
        path, line = self.folder / "users", f"{USER}:{{PLAIN}}{password}\n"
        if path.exists() and path.read_text() == line:
            return
        changed = path.stat().st_mtime + 2 if path.exists() else time.time() - 60
        path.write_text(line)
        path.chmod(0o644)
        os.utime(path, (changed, changed))
        written = int(time.time())
        wait(lambda: int(time.time()) > written, "the clock stands still")

    def refused_logins(self) -> int:
        """Return how many logins were refused, by the log, which another process writes a moment later."""
        log = self.folder / "dovecot.log"
        seen, since = -1, time.monotonic()

        def is_quiet() -> bool:
            nonlocal seen, since
            if log.stat().st_size != seen:
                seen, since = log.stat().st_size, time.monotonic()
            return time.monotonic() - since > 0.3

        wait(is_quiet, "the log of Dovecot does not come to rest")
        return len(re.findall(r": Password mismatch|: unknown user", log.read_text(errors="replace")))

    @contextmanager
    def session(self) -> Iterator[imaplib.IMAP4]:
        """Log in as the owner of the mailbox."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=20)
        try:
            client.login(USER, PASSWORD)
            yield client
        finally:
            client.logout()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(4) == b"* OK"
        except OSError:
            return False


class DovecotPeer(MailPeer):
    """A mailbox on a real Dovecot."""

    faults: ClassVar[Collection[Fault]] = ("auth", "down", "lost_answer", "refuse")

    def __init__(self) -> None:
        super().__init__()
        self.dovecot = Dovecot()

    def start(self) -> None:
        """Start Dovecot and the submission server."""
        if self.dovecot.port:
            self.dovecot.start()
        else:
            self.dovecot.create()
        self.smtp.start()

    def stop(self) -> None:
        """Stop both; what was delivered is gone."""
        if self._fault != "down":
            self._halt()
        self.dovecot.destroy()

    def _halt(self) -> None:
        self.dovecot.stop()
        self.smtp.stop()

    def settings(self) -> Mapping[str, str]:
        """Return the settings of the mailbox."""
        return {**super().settings(), "port": str(self.dovecot.port)}

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Deliver letters from a client."""
        letters = [letter(next(self._numbers)) for _ in range(count)]
        with self.dovecot.session() as client:
            for raw in letters:
                _done(client.append(stream, "", "", raw))
        return [key_of(raw) for raw in letters]

    def remove(self, stream: str, external_id: str) -> None:
        """Delete a letter in the mailbox; to the hub it stays received."""
        with self.dovecot.session() as client:
            _done(client.select(stream))
            numbers = _done(client.search(None, "HEADER", "Message-ID", external_id.partition("#")[0]))[0].decode()
            _done(client.store(numbers.replace(" ", ","), "+FLAGS", "(\\Deleted)"))
            _done(client.expunge())

    def fault(self, name: Fault | None) -> None:
        """Make a trouble of that kind, or none."""
        if self._fault == "down" and name != "down":
            self.start()
        elif name == "down" and self._fault != "down":
            self._halt()
        self._fault = name
        self.smtp.password = "changed yesterday" if name == "auth" else PASSWORD
        self.dovecot.set_password(self.smtp.password)
        self.smtp.lost_answer = name == "lost_answer"
        self.smtp.answers = {"*": "550 5.1.1 no such user"} if name == "refuse" else {}

    def logins(self) -> int:
        """Return how many logins both servers refused."""
        return self.dovecot.refused_logins() + self.smtp.refused_logins


def _done(answer: tuple[str, list[Any]]) -> list[Any]:
    if answer[0] != "OK":
        raise AssertionError(f"Dovecot said {answer[0]}")
    return answer[1]


def wait(condition: Callable[[], bool], message: str, seconds: float = 20) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(message)
        time.sleep(0.02)
