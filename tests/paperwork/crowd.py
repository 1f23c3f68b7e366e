"""Many processes that issue the same drafts at once: `crowd.py CONFIG PROCESSES KEY...`.

Imports are paid once and before any thread is there; each process then takes its own share in its own order, draws the
files and fills the templates. What is refused for any other reason than that somebody else was quicker ends with 1.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub.config import load_config
from hub.paperwork.issuing import issue_all
from hub.store.database import Store

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
WANTED = 3
"""Each draft is wanted by so many processes."""


def issue(path: Path, keys: list[int], start: Any) -> None:
    """Be one of them."""
    config = load_config(path)
    store = Store(config.store_url)
    start.wait()
    done = issue_all(store, config, keys, by="anna", now=NOW)
    store.close()
    refused = [str(it.error) for it in done if it.error]
    if wrong := [it for it in refused if "by somebody else" not in it and "is issued already" not in it]:
        print(wrong, file=sys.stderr)
        sys.exit(1)


def main() -> None:
    """Start the processes, let them begin together, and end with 1 if one of them did."""
    path, processes, keys = Path(sys.argv[1]), int(sys.argv[2]), [int(it) for it in sys.argv[3:]]
    forking = multiprocessing.get_context("fork")
    start = forking.Event()
    shuffled = random.Random(7).sample(keys * WANTED, len(keys) * WANTED)
    workers = [
        forking.Process(target=issue, args=(path, sorted(set(shuffled[place::processes])), start))
        for place in range(processes)
    ]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join()
    sys.exit(any(worker.exitcode for worker in workers))


if __name__ == "__main__":
    main()
