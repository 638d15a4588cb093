#!/bin/sh
# Make .venv and install the pinned set into it: `sh tools/setup.sh lab`, or `test` for the tools of the tests too.
#
# A stamp inside .venv, named after what it was installed from, says that nothing is left to do. It is written last,
# so that an installation that broke off is taken up again. PYTHON=python3.12 chooses the Python of a new .venv.
set -eu
cd "$(dirname "$0")/.."

case "${1-}" in
    lab) extras=lab ;;
    test) extras=lab,test ;;
    *) echo "usage: sh tools/setup.sh lab|test" >&2; exit 2 ;;
esac
key=$({ pwd -P; cat pyproject.toml constraints.txt; } | cksum | tr -dc '0-9')

say() { printf '%s\n' "$*" >&2; }

version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

choose_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if fits "$candidate"; then echo "$candidate"; return; fi
    done
    say "The course needs Python 3.11 or newer; ${PYTHON:-python3} is $(version "${PYTHON:-python3}" || echo "not there")."
    say "Install one (from python.org, your system's packages or conda), then say which: make lab PYTHON=python3.12"
    return 1
}

same_python() {  # an existing .venv is kept unless another Python is asked for by name
    [ -z "${PYTHON-}" ] || [ ! -x .venv/bin/python ] || [ "$(version "$PYTHON")" = "$(version .venv/bin/python)" ]
}

usable() {  # made here (not moved or copied), has pip, and no package whose unpacking was interrupted
    grep -qF "$(pwd -P)/.venv" .venv/bin/activate 2>/dev/null && fits .venv/bin/python &&
        .venv/bin/python - 2>/dev/null <<'PROBE'
import importlib.metadata as metadata
import sys

import pip

sys.exit(any(found.files is None for found in metadata.distributions(path=[p for p in sys.path if "site-packages" in p])))
PROBE
}

if ! same_python; then
    say ".venv is made with Python $(version .venv/bin/python), not with $PYTHON. \`make clean\` removes it; then try again."
    exit 1
fi
if [ -e ".venv/.ready-$1-$key" ]; then exit 0; fi

if ! usable; then
    python=$(choose_python)
    say "Making .venv with Python $(version "$python")."
    "$python" -m venv --clear .venv || {
        say "Python could not make .venv. On Debian and Ubuntu the package python3-venv is needed for that."
        exit 1
    }
fi
rm -f .venv/.ready-*
say "Installing the pinned packages into .venv: some minutes the first time, and up to 6 GB with CUDA's libraries."
.venv/bin/python -m pip install -c constraints.txt -e ".[$extras]" || {
    say "The installation broke off, and nothing is marked as done: the same command takes it up again."
    say "Without a network, or with a small disk: README, When something goes wrong."
    exit 1
}
touch ".venv/.ready-lab-$key" ".venv/.ready-$1-$key"
