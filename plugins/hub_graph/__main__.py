"""Sign in as a user with a code: `python -m hub_graph TENANT CLIENT_ID > FILE` writes the refresh token to stdout.

For organisations that give an application no rights of its own. What a person has to do is said on stderr.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

SCOPE = "https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/Mail.Send offline_access"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
MOST_SECONDS = 1800


class Refused(Exception):
    """No token will come; the message says why."""


def sign_in(login_url: str, tenant: str, client_id: str, scope: str) -> str:
    """Return a refresh token after somebody has signed in. Raises Refused."""
    if urlsplit(login_url).scheme != "https" and urlsplit(login_url).hostname != "127.0.0.1":
        raise Refused("the address of the sign-in must begin with https://.")
    place = f"{login_url.rstrip('/')}/{tenant}/oauth2/v2.0"
    with httpx.Client(timeout=30) as client:
        begun = _ask(client, f"{place}/devicecode", {"client_id": client_id, "scope": scope})
        if "device_code" not in begun:
            raise Refused(f"Microsoft does not begin a sign-in: {_code(begun)}.")
        sys.stderr.write(f"{_line(begun.get('message'))}\n")
        seconds = min(max(_number(begun.get("interval"), 5), 1), 60)
        until = time.monotonic() + min(_number(begun.get("expires_in"), 900), MOST_SECONDS)
        form = {"grant_type": GRANT, "client_id": client_id, "device_code": str(begun["device_code"])}
        while time.monotonic() < until:
            time.sleep(seconds)
            given = _ask(client, f"{place}/token", form)
            if token := given.get("refresh_token"):
                return str(token)
            if given.get("error") == "slow_down":
                seconds += 5
            elif given.get("error") != "authorization_pending":
                raise Refused(f"nobody signed in: {_code(given)}.")
    raise Refused("nobody signed in in time.")


def _ask(client: httpx.Client, url: str, form: dict[str, str]) -> dict[str, Any]:
    try:
        told = client.post(url, data=form).json()
    except (httpx.HTTPError, ValueError) as error:
        raise Refused(f"{urlsplit(url).hostname} gave no answer ({type(error).__name__}).") from error
    return told if isinstance(told, dict) else {}


def _number(value: object, otherwise: int) -> int:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 8 else otherwise


def _code(told: dict[str, Any]) -> str:
    return re.sub(r"[^a-z_]", "", str(told.get("error", "")))[:40] or "no reason was given"


def _line(text: object) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in str(text))[:500]


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments, sign in, print the token."""
    parser = argparse.ArgumentParser(prog="python -m hub_graph", description="Sign in to Microsoft 365 with a code.")
    parser.add_argument("tenant", help="id or domain of the organisation")
    parser.add_argument("client_id", help="id of the application")
    parser.add_argument("--login-url", default="https://login.microsoftonline.com", help="another for national clouds")
    parser.add_argument("--scope", default=SCOPE, help="what to ask for")
    given = parser.parse_args(arguments)
    try:
        sys.stdout.write(sign_in(given.login_url, given.tenant, given.client_id, given.scope) + "\n")
    except Refused as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
