"""Make what a release consists of: `python scripts/release.py FOLDER`; `make release` does it in dist/.

svyazka-VERSION.tar.gz, svyazka-VERSION-py3-none-any.whl: the source and the package; one tree gives the same bytes
requirements-PLATFORM.txt: everything else that is installed with the extras of users, with versions and SHA-256
svyazka-VERSION-PLATFORM.cdx.json: what an installation of both consists of, in the words of CycloneDX 1.6
SHA256SUMS: of all of these, for `sha256sum --check`

The installation is really made, with hash checking, and thrown away; what is listed is what was found in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import venv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).parents[1]
NOT_FOR_USERS = ("dev", "bench")
INSTALLED = """
import json
from importlib.metadata import distributions
print(json.dumps([
    {"name": it.metadata["Name"], "version": it.version, "license": it.metadata.get("License-Expression") or "",
     "needs": it.requires or []} for it in distributions()
]))
"""


def build(folder: Path) -> list[Path]:
    """Build source and package; return their paths. The time in them is that of the last commit."""
    moment = _said("git", "log", "-1", "--format=%ct").strip()
    before = set(folder.iterdir())
    _said(sys.executable, "-m", "hatchling", "build", "--directory", str(folder), SOURCE_DATE_EPOCH=moment)
    return sorted(set(folder.iterdir()) - before)


def resolved() -> dict[str, Any]:
    """Return what pip would install for every extra of users, in the versions of constraints.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = ",".join(it for it in project["optional-dependencies"] if it not in NOT_FOR_USERS)
    report: dict[str, Any] = json.loads(
        _said(
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-",
            "--only-binary", ":all:", "--constraint", "constraints.txt", f".[{extras}]",
        )
    )  # fmt: skip
    return report


def lock(report: Mapping[str, Any]) -> str:
    """Return the requirements of a report of pip with their hashes. Raises ValueError for one without."""
    lines = []
    for item in report["install"]:
        name, version = item["metadata"]["name"], item["metadata"]["version"]
        if "dir_info" in item["download_info"]:
            continue  # this project itself
        found = item["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
        if not found:
            raise ValueError(f"{name} {version} comes without a SHA-256")
        lines.append(f"{name.lower()}=={version} --hash=sha256:{found}")
    return "\n".join(sorted(lines)) + "\n"


def install(requirements: Path, package: Path, folder: Path) -> list[dict[str, Any]]:
    """Install both into a new environment, checking hashes; return what is in it."""
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
    )
    _said(*pip, "--require-hashes", "--requirement", str(requirements))
    _said(*pip, str(package))
    found: list[dict[str, Any]] = json.loads(_said(str(python), "-c", INSTALLED))
    return found


def contents(installed: Iterable[Mapping[str, Any]], hashes: Mapping[str, str], main: str) -> dict[str, Any]:
    """Return the list of contents in CycloneDX 1.6 with `main` as its subject; `hashes` are SHA-256 by package."""
    found = {_canonical(it["name"]): it for it in installed}
    references = {name: f"pkg:pypi/{name}@{quote(it['version'])}" for name, it in found.items()}
    components = {name: _component(it, references[name], hashes.get(name)) for name, it in found.items()}
    needs = {
        references[name]: sorted({references[it] for it in map(_needed, found[name]["needs"]) if it in found})
        for name in sorted(found)
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**components.pop(main), "type": "application"}},
        "components": [components[name] for name in sorted(components)],
        "dependencies": [{"ref": reference, "dependsOn": on} for reference, on in needs.items()],
    }


def _component(it: Mapping[str, Any], reference: str, sha256: str | None) -> dict[str, Any]:
    made = {"type": "library", "bom-ref": reference, "name": it["name"], "version": it["version"], "purl": reference}
    if it["license"]:
        made["licenses"] = [{"expression": it["license"]}]
    if sha256:
        made["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    return made


def hashes_of(requirements: str) -> dict[str, str]:
    """Return the SHA-256 that `lock` wrote, by package."""
    return {_needed(line): line.rpartition(":")[2] for line in requirements.splitlines()}


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _needed(requirement: str) -> str:
    end = next((place for place, letter in enumerate(requirement) if letter in " <>=!~;[("), len(requirement))
    return _canonical(requirement[:end])


def sums(files: Iterable[Path]) -> str:
    """Return lines for `sha256sum --check`."""
    return "".join(f"{hashlib.sha256(it.read_bytes()).hexdigest()}  {it.name}\n" for it in sorted(files))


def _said(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def main() -> None:
    """Make a release in the folder named, which must be empty."""
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        sys.exit(f"{folder} is not empty; move the last release away.")
    if _said("git", "status", "--porcelain"):
        sys.exit("The tree has changes that are not committed; a release is made of a commit.")
    files = build(folder)
    package = next(it for it in files if it.suffix == ".whl")
    platform = f"{sysconfig.get_platform()}-py{sys.version_info[0]}.{sys.version_info[1]}"
    requirements = folder / f"requirements-{platform}.txt"
    requirements.write_text(lock(resolved()), encoding="utf-8")
    name, version = package.name.split("-")[:2]
    with tempfile.TemporaryDirectory() as place:
        installed = install(requirements, package, Path(place) / "venv")
    hashes = hashes_of(requirements.read_text("utf-8")) | {name: hashlib.sha256(package.read_bytes()).hexdigest()}
    made = contents(installed, hashes, name)
    listed = folder / f"{name}-{version}-{platform}.cdx.json"
    listed.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    files += [requirements, listed]
    (folder / "SHA256SUMS").write_text(sums(files), encoding="utf-8")
    print(f"{folder}: {len(files) + 1} files; {len(made['components']) + 1} packages are listed.")


if __name__ == "__main__":
    main()
