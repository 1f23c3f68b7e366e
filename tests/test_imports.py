"""The help page is quick, and what a plugin's system needs is loaded only when a connection runs."""

import subprocess
import sys

import pytest

HEAVY = ("exchangelib", "zeep", "sqlalchemy", "httpx", "pydantic", "imapclient", "lxml", "typst")
CPU_SECONDS = 0.25

_MEASURE = """
import resource, sys
from hub.cli import main
sys.argv = ["hub", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def _run(*arguments: str) -> tuple[str, float, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, *modules = done.stderr.splitlines()[-1].split()
    return done.stdout, float(seconds), set(modules)


@pytest.mark.skipif(sys.platform == "win32", reason="processor time is measured with the module resource")
def test_help_takes_little_processor_time():
    shown, *_ = runs = [_run("--help") for _ in range(3)]

    assert "Usage: hub" in shown[0]
    assert min(seconds for _, seconds, _ in runs) < CPU_SECONDS


@pytest.mark.skipif(sys.platform == "win32", reason="processor time is measured with the module resource")
def test_help_loads_nothing_heavy():
    _, _, modules = _run("--help")

    assert "click" in modules
    assert modules.isdisjoint(HEAVY), modules.intersection(HEAVY)


def test_the_measure_sees_what_a_command_loads():
    _, _, modules = _run("doctor", "--help")

    assert {"sqlalchemy", "pydantic"} <= modules


@pytest.mark.parametrize("package", ["hub_onec", "hub_imap", "hub_redmine", "hub_asterisk"])
def test_importing_a_plugin_loads_no_library_of_its_system(package):
    code = f"import sys, {package}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert set(done.stdout.split()).isdisjoint({"exchangelib", "zeep", "sqlalchemy", "httpx", "imapclient", "lxml"})
