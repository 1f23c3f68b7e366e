"""The peer: dlt's own `rest_api` source into the same kinds of database, set up as well as its settings allow.

Names stay as they are (naming `direct`; the default one folds Cyrillic letters away), tables are indexed (without that
a merge on SQLite is quadratic), telemetry is off. Incremental loading is off: 1C has nothing to be incremental by.
`--handed N` reads only the objects that were written for the N-th time, which a real 1C cannot tell.
"""

from __future__ import annotations

import argparse
import os
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
os.environ["SCHEMA__NAMING"] = "direct"

import dlt  # it reads its settings on import, so they stand above
from dlt.destinations import postgres, sqlalchemy
from dlt.sources.rest_api import rest_api_source


def destination(database: str) -> tuple[Any, str]:
    """Return the destination for an address, and the dataset (schema) in it."""
    if database.startswith("sqlite:"):
        return sqlalchemy(database, create_unique_indexes=True, create_primary_keys=True), "main"
    parts = urlsplit(database)
    host = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[0]
    credentials = {
        "database": parts.path.lstrip("/"), "username": parts.username or "postgres",
        "password": parts.password or "none", "host": quote(host, safe=""), "port": parts.port or 5432,
    }  # fmt: skip
    return postgres(credentials, create_indexes=True), "bench"


def source(url: str, page: int, handed: int | None) -> Any:
    """Return the source: one resource with its nested rows, merged by key."""
    pair = f"{os.environ['BENCH_USER']}:{os.environ['BENCH_PASSWORD']}"
    params = {"$format": "application/json;odata=nometadata", "$orderby": "Ref_Key"}
    if handed is not None:  # the stand-in writes the version into this text; no spaces, 1C refuses a `+` for one
        params["$filter"] = f"substringof('{handed}-',ДополнительнаяИнформация)"
    return rest_api_source(
        {
            "client": {
                "base_url": url,
                "headers": {"Authorization": "Basic " + b64encode(pair.encode()).decode()},
                "paginator": {
                    "type": "offset", "limit": page, "limit_param": "$top", "offset_param": "$skip", "total_path": None,
                },
            },
            "resources": [
                {
                    "name": "counterparty",
                    "primary_key": "Ref_Key",
                    "write_disposition": "merge",
                    "endpoint": {"path": "Catalog_Контрагенты", "params": params, "data_selector": "value"},
                }
            ],
        },
        name="onec",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.dlt_peer")
    parser.add_argument("url", help="the service root")
    parser.add_argument("database", help="sqlite:///FILE or postgresql://…")
    parser.add_argument("folder", type=Path, help="where dlt keeps its state and files")
    parser.add_argument("--page", type=int, default=1000)
    parser.add_argument("--handed", type=int, help="read only the objects of this version")
    given = parser.parse_args()
    target, dataset = destination(given.database)
    pipeline = dlt.pipeline("bench", destination=target, dataset_name=dataset, pipelines_dir=str(given.folder))
    pipeline.run(source(given.url, given.page, given.handed)).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
