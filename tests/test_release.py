"""S-32: a release is built of one tree alike each time, installed with hashes alone, and lists whatever is in it."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import subprocess
import sys
import types
import zipfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def _module() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("release_of_the_hub", ROOT / "scripts" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RELEASE = _module()


def wheel(folder: Path, name: str) -> Path:
    """Make a package of one module."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "VALUE = 1\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(text)}\n")
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in {**files, f"{info}/RECORD": "".join(lines) + f"{info}/RECORD,,\n"}.items():
            archive.writestr(inside, text)
    return path


def report(*packages: Path, **other: Any) -> dict[str, Any]:
    """Return what pip reports of such an installation."""
    items = [
        {
            "metadata": {"name": it.name.partition("-")[0], "version": "1.0"},
            "download_info": {
                "url": f"https://index.example/{it.name}",
                "archive_info": {"hashes": {"sha256": hashlib.sha256(it.read_bytes()).hexdigest()}},
            },
        }
        for it in packages
    ]
    own = {"metadata": {"name": "svyazka", "version": "0"}, "download_info": {"url": "file:///x", "dir_info": {}}}
    return {"install": [*items, own], **other}


def test_changed_hash_stops_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    one, other, main = (wheel(tmp_path, name) for name in ("eins", "zwei", "haupt"))
    locked = RELEASE.lock(report(one, other))
    assert "://" not in locked, "no address of an index"
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(locked)

    installed = RELEASE.install(requirements, main, tmp_path / "good")
    assert {it["name"] for it in installed} == {"eins", "zwei", "haupt"}

    digest = hashlib.sha256(other.read_bytes()).hexdigest()
    requirements.write_text(locked.replace(digest, digest[:-1] + ("0" if digest[-1] != "0" else "1")))
    with pytest.raises(subprocess.CalledProcessError):
        RELEASE.install(requirements, main, tmp_path / "bad")
    assert not list((tmp_path / "bad").rglob("eins.py")), "nothing was installed"


def test_package_without_a_hash_is_no_part_of_a_lock(tmp_path: Path) -> None:
    given = report(wheel(tmp_path, "eins"))
    given["install"][0]["download_info"]["archive_info"] = {}
    with pytest.raises(ValueError, match=r"eins 1\.0 comes without a SHA-256"):
        RELEASE.lock(given)


def test_list_of_contents_names_every_installed_package() -> None:
    done = subprocess.run([sys.executable, "-c", RELEASE.INSTALLED], capture_output=True, text=True, check=True)
    made = RELEASE.contents(json.loads(done.stdout), RELEASE.hashes_of("click==1 --hash=sha256:ab\n"), "svyazka")

    there = {(it.metadata["Name"], it.version) for it in distributions()}
    subject = made["metadata"]["component"]
    listed = [subject, *made["components"]]
    assert {(it["name"], it["version"]) for it in listed} == there
    assert len(there) > 50
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    assert (subject["name"], subject["type"]) == ("svyazka", "application")
    assert all(it["type"] == "library" and it["purl"] == it["bom-ref"] for it in made["components"])
    references = [it["bom-ref"] for it in listed]
    assert len(set(references)) == len(references)
    assert {it["ref"] for it in made["dependencies"]} == set(references)
    assert all(set(it["dependsOn"]) <= set(references) for it in made["dependencies"])
    needs = {it["ref"].partition("@")[0]: it["dependsOn"] for it in made["dependencies"]}
    assert {it.partition("@")[0] for it in needs["pkg:pypi/svyazka"]} >= {
        "pkg:pypi/sqlalchemy",
        "pkg:pypi/cryptography",
    }
    assert [it["hashes"] for it in listed if it["name"] == "click"] == [[{"alg": "SHA-256", "content": "ab"}]]
    assert any(it.get("licenses") == [{"expression": "MIT"}] for it in listed)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the time of a release is that of its commit")
def test_one_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        made.append({it.name: it.read_bytes() for it in RELEASE.build(tmp_path / name)})
    assert made[0] == made[1]
    assert {name.rpartition(".")[2] for name in made[0]} == {"whl", "gz"}
    (package,) = (tmp_path / "one").glob("*.whl")
    inside = zipfile.ZipFile(package).namelist()
    assert not [it for it in inside if "/tests/" in it and "/scaffold/template/" not in it]
    assert {"hub/cli/__init__.py", "hub_onec/__init__.py", "hub/store/migrations/env.py"} <= set(inside)


def test_sums_are_those_that_the_usual_program_checks(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    assert RELEASE.sums([tmp_path / "b", tmp_path / "a"]) == (
        f"{hashlib.sha256(b'a').hexdigest()}  a\n{hashlib.sha256(b'b').hexdigest()}  b\n"
    )
