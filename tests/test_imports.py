"""The help page is quick, and what a plugin's system needs is loaded only when a connection runs."""

import subprocess
import sys

import pytest

HEAVY = ("exchangelib", "zeep", "sqlalchemy", "httpx", "pydantic", "imapclient", "lxml", "typst")
MOST_TIMES = 3
"""What the help page may take of the processor: so many times what the library of the command line alone takes."""

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

_CLICK = """
import click, resource
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime)
"""


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=60
    )


def _run(*arguments: str) -> tuple[str, float, set[str]]:
    done = _python(_MEASURE, *arguments)
    seconds, *modules = done.stderr.splitlines()[-1].split()
    return done.stdout, float(seconds), set(modules)


@pytest.mark.skipif(sys.platform == "win32", reason="processor time is measured with the module resource")
def test_help_takes_little_processor_time():
    times = []
    for _ in range(5):  # each beside its measure, for how fast a machine is changes with what else it does
        shown, seconds, _ = _run("--help")
        assert "Usage: hub" in shown
        times.append(seconds / float(_python(_CLICK).stdout))

    assert min(times) < MOST_TIMES, times


@pytest.mark.skipif(sys.platform == "win32", reason="processor time is measured with the module resource")
def test_the_measure_of_the_help_page_sees_a_heavy_library():
    times = [float(_python(f"import sqlalchemy, pydantic\n{_CLICK}").stdout) / float(_python(_CLICK).stdout)
             for _ in range(3)]  # fmt: skip

    assert max(times) > MOST_TIMES, times


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
    done = _python(code)

    assert set(done.stdout.split()).isdisjoint({"exchangelib", "zeep", "sqlalchemy", "httpx", "imapclient", "lxml"})
