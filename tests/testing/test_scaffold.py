"""`create_plugin` writes a distribution that works untouched, or nothing at all."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hub.api import SettingsError
from hub.testing.scaffold import create_plugin

ROOT = Path(__file__).parents[2]


def test_new_plugin_keeps_every_promise_untouched(tmp_path):
    folder = create_plugin("help_desk", tmp_path / "hub-help-desk")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--rootdir", str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_new_plugin_carries_its_own_name_everywhere(tmp_path):
    folder = create_plugin("help_desk", tmp_path / "new")

    files = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()
    }
    project = tomllib.loads(files["pyproject.toml"])
    assert project["project"]["entry-points"]["hub.plugins"] == {"help_desk": "hub_help_desk"}
    assert project["build-system"]["build-backend"] == "hatchling.build"
    assert {"src/hub_help_desk/README.md", "src/hub_help_desk/connector.py", "tests/help_desk_peer.py"} <= set(files)
    assert 'factory="hub_help_desk.connector:HelpDesk"' in files["src/hub_help_desk/__init__.py"]
    assert [name for name, text in files.items() if "notebook" in (name + text).lower()] == []


@pytest.mark.parametrize(
    "name", ["", "a", "Helpdesk", "help-desk", "1c", "help desk", "класс", "class", "../x", "x" * 41, "ab\n"]
)
def test_odd_name_is_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(SettingsError, match="cannot be the name of a plugin") as caught:
        create_plugin(name, tmp_path / "new")

    assert caught.value.field == "name"
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(SettingsError, match="already exists") as caught:
        create_plugin("helpdesk", tmp_path)

    assert caught.value.field == "folder"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
