"""How JupyterLab is started: what it is told, and the environment it gets."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets.config.loader import KVArgParseConfigLoader

from coursekit.app import server
from coursekit.app.server import NoDelayConnection, lab_arguments, lab_command, lab_environment

ROOT = Path(__file__).parents[2]
THEIRS = [{"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}, {"KMP_BLOCKTIME": "7"}, {"GOMP_SPINCOUNT": ""}]
POSIX = pytest.mark.skipif(os.name == "nt", reason="shell scripts: Windows has the plain commands of the README")


def test_the_command_names_the_connection_and_ends_with_the_callers_arguments():
    module, _, name = f"{NoDelayConnection.__module__}.{NoDelayConnection.__qualname__}".rpartition(".")
    assert f"--ServerApp.kernel_websocket_connection_class={module}.{name}" in lab_arguments()
    assert lab_command(["--no-browser"])[-1] == "--no-browser"


def test_nothing_of_torch_is_imported():
    names = "import sys, coursekit.app.server; print(sum(m.split('.')[0] in ('torch', 'numpy') for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


# kernels of closed tabs


def test_kernels_are_ended_only_where_nobody_is_connected_and_nothing_runs():
    manager = AsyncMappingKernelManager(config=KVArgParseConfigLoader(lab_arguments()).load_config())
    assert 1800 <= manager.cull_idle_timeout <= 3600
    assert 0 < manager.cull_interval <= manager.cull_idle_timeout / 4
    assert not manager.cull_connected
    assert not manager.cull_busy


# the environment


def test_settings_of_ours_join_the_callers():
    assert lab_environment({"A": "b"})["A"] == "b"
    assert lab_environment({"JUPYTER_CONFIG_PATH": "theirs"})["JUPYTER_CONFIG_PATH"].endswith("theirs")


def test_waiting_threads_sleep_whichever_openmp_torch_brings():
    added = lab_environment({"A": "b"})
    assert added.items() >= server.SPINNING.items()
    assert set(server.SPINNING) == {"GOMP_SPINCOUNT", "KMP_BLOCKTIME"}


@pytest.mark.parametrize("given", THEIRS)
def test_a_readers_own_setting_of_threads_stays_alone(given):
    made = lab_environment(given)
    assert {name: made[name] for name in server.SPINNING_OF_READERS & made.keys()} == given


@POSIX
@pytest.mark.parametrize("given", [{}, *THEIRS])
def test_binder_starts_with_the_same(given):
    environment = {"PATH": os.environ["PATH"], **given}
    start = ["bash", str(ROOT / "binder/start"), "env"]
    done = subprocess.run(start, env=environment, capture_output=True, text=True, check=True)
    made = dict(line.split("=", 1) for line in done.stdout.splitlines())
    expected = {**given, **server.spinning(given)}
    assert {name: made[name] for name in server.SPINNING_OF_READERS & made.keys()} == expected


@POSIX
@pytest.mark.parametrize("target", ["test", "notebooks"])
@pytest.mark.parametrize("given", [{}, *THEIRS])
def test_make_sets_the_same_for_tests_and_builds(target, given, tmp_path):
    """A Makefile that includes ours and says what its recipes would see."""
    spy = tmp_path / "Makefile"
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    spy.write_text(re.sub(r"^\t.*\n", "", text, flags=re.M) + f"\n{target}:\n\t@env\n", encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], **given}
    done = subprocess.run(
        ["make", "-s", "-f", str(spy), target], env=environment, capture_output=True, text=True, check=True
    )
    made = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    expected = {**given, **server.spinning(given)}
    assert {name: made[name] for name in server.SPINNING_OF_READERS & made.keys()} == expected
