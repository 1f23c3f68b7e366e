"""Run the stand-in in a process of its own: `python -m hub.testing.peers.onec --counterparties 200000`.

Prints the address on the first line of standard output, then `user password`, then the address that steers it: a
`POST` to `change?percent=5` there writes that share of the objects. Runs until it is terminated.
"""

from __future__ import annotations

import argparse
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from .base import Infobase
from .samples import ACCOUNTING, many_counterparties, many_documents
from .server import OneCServer


def change(base: Infobase, percent: float) -> int:
    """Write every n-th counterparty, spread evenly; return how many."""
    rows = base.sets["Catalog_Контрагенты"].sorted()
    wanted = round(len(rows) * percent / 100)
    for number in range(wanted):
        rows[number * len(rows) // wanted].write({})
    return wanted


def main() -> None:
    """Serve until the process is terminated."""
    parser = argparse.ArgumentParser(prog="python -m hub.testing.peers.onec")
    parser.add_argument("--counterparties", type=int, default=1000)
    parser.add_argument("--changed", type=float, default=0.0, help="percent written before the start")
    parser.add_argument("--documents", type=int, default=0, help="invoices beside them")
    parser.add_argument("--filler", type=int, default=0, help="sets of other objects, published and described")
    parser.add_argument("--compares-references", action="store_true", help="as it sorts them")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    base = Infobase(ACCOUNTING)
    many_counterparties(base, given.counterparties)
    many_documents(base, given.documents)
    change(base, given.changed)
    base.reference_order = "stored" if given.compares_references else ""
    with OneCServer(base, port=given.port) as server, HTTPServer(("127.0.0.1", 0), _steering(base)) as steering:
        server.filler = given.filler
        print(server.url)
        print(server.user, server.password)
        print(f"http://127.0.0.1:{steering.server_address[1]}/", flush=True)
        steering.serve_forever()


def _steering(base: Infobase) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            body = str(change(base, float(query.get("percent", ["5"])[0]))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    return Handler


if __name__ == "__main__":
    main()
