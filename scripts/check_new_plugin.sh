#!/bin/sh
# Does what the author of a first plugin does, far from this checkout: installs the hub from its wheel, makes a plugin,
# installs it as a distribution of its own, runs its tests and computes its level. PYTHON is the interpreter to start from.
#   scripts/check_new_plugin.sh [PYTHON] [NAME]
set -eu
python=${1:-python3}
name=${2:-helpdesk}
root=$(cd "$(dirname "$0")/.." && pwd)
case $python in */*) python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python") ;; esac
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT INT TERM

"$python" -m venv "$place/venv"
venv=$place/venv/bin
install() { "$venv/python" -m pip install --quiet --disable-pip-version-check --constraint "$root/constraints.txt" "$@"; }
install "$root"

cd "$place"
"$venv/hub" plugin new "$name" --folder "$place/plugin"
install "$place/plugin[dev]"
"$venv/hub" plugin list
(cd "$place/plugin" && "$venv/python" -m pytest -q)
class=$("$venv/python" -c 'import sys; print("".join(part.title() for part in sys.argv[1].split("_")))' "$name")
PYTHONPATH=$place/plugin/tests "$venv/hub" plugin check "$name" --peer "${name}_peer:${class}Peer" >"$place/level" || {
  cat "$place/level"; exit 1; }
tail -n 1 "$place/level"
tail -n 1 "$place/level" | grep -Eq ": (bronze|silver|gold|platinum)$"
