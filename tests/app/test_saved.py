"""What a notebook's file holds, and what a page gets of it; how the server comes to keep the two apart."""

import asyncio
import copy
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import comm
import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_server.services.contents.filemanager import FileContentsManager
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from nbformat.sign import MemorySignatureStore, NotebookNotary

from coursekit.app import saved
from coursekit.app.saved import STORED, VIEW, WAITING, for_file, for_page

COURSE = Path(__file__).parents[2] / "course"
NUMBER = re.compile(r"^ *\"\w+\": -?\d+\.0,?$", re.M)


def view(model):
    return {"model_id": model, "version_major": 2, "version_minor": 0}


def output(model, **data):
    return nbformat.v4.new_output("execute_result", {VIEW: view(model), "text/plain": "a desk", **data})


def notebook(**metadata):
    """An explorer, a widget without a picture, words."""
    shown = [output("a", **{"image/png": "AAAA"}), output("b"), nbformat.v4.new_output("stream", text="words")]
    cells = [nbformat.v4.new_markdown_cell("words", id="m"), nbformat.v4.new_code_cell("desk", outputs=shown, id="c")]
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def shows(nb):
    """Which models the page would look for."""
    return {o["data"][VIEW]["model_id"] for o in nb.cells[1].outputs if VIEW in o.get("data", {})}


NAMELESS = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"}}  # fmt: skip


def test_a_file_keeps_pictures_and_views_that_have_none():
    nb = notebook()
    for_file(nb)
    assert shows(nb) == {"b"}
    assert nb.cells[1].outputs[0].data == {"text/plain": "a desk", "image/png": "AAAA"}
    nbformat.validate(nb)


@pytest.mark.parametrize("models", [{"a", "b"}, {"a"}, {"other"}, set()])
def test_a_page_gets_back_what_lives_and_a_file_what_it_was(models):
    file = notebook(**NAMELESS)
    for_file(file)
    page = copy.deepcopy(file)
    for_page(page, models, saved.running(page, KernelSpecManager()))
    assert shows(page) == ({"a"} & models) | {"b"}
    nbformat.validate(page)
    for_file(page)
    assert page == file


def test_a_view_from_a_stock_servers_file_is_shown_only_where_it_lives():
    for models in ({"a"}, set()):
        page = notebook()
        for_page(page, models)
        assert shows(page) == models | {"b"}


def test_a_notebook_that_lacks_what_is_usual_is_opened_all_the_same():
    bare = {"cells": [{"cell_type": "code", "outputs": [{"output_type": "display_data", "data": {}}]}], "metadata": {}}
    page = copy.deepcopy(bare)
    assert not saved.waiting(page)
    for_page(page, {"a"}, saved.running(page, KernelSpecManager()))
    assert page == bare


def test_states_of_widgets_go_with_the_last_view():
    nb = notebook(widgets={"state": {}})
    for_file(nb)
    assert "widgets" in nb.metadata, "the slider without a picture needs it"
    del nb.cells[1].outputs[1]
    for_file(nb)
    assert "widgets" not in nb.metadata


# which Python runs


def test_the_page_is_told_what_jupyterlab_would_write(monkeypatch):
    for name in ("create_comm", "get_comm_manager"):  # put back after: widgets of other tests have no kernel
        monkeypatch.setattr(comm, name, getattr(comm, name))
    from ipykernel.ipkernel import IPythonKernel

    page = notebook(**NAMELESS)
    for_page(page, runs=saved.running(page, KernelSpecManager()))
    assert page.metadata["language_info"] == IPythonKernel.language_info
    spec = KernelSpecManager().get_kernel_spec("python3")
    assert page.metadata["kernelspec"]["display_name"] == spec.display_name


@pytest.mark.parametrize("kernel", ["no-such-kernel", "", "not a name!"])
def test_other_kernels_are_left_alone(kernel):
    page = notebook(**{**NAMELESS, "kernelspec": {**NAMELESS["kernelspec"], "name": kernel}})
    assert saved.running(page, KernelSpecManager()) is None


def test_a_version_that_a_file_names_stays():
    named = {**NAMELESS, "language_info": {"name": "python", "version": "3.10.1"}}
    page = notebook(**named)
    for_page(page, runs=saved.running(page, KernelSpecManager()))
    assert page.metadata == named


def test_another_kernel_that_the_reader_has_chosen_is_saved():
    page = notebook(**NAMELESS)
    for_page(page, runs=saved.running(page, KernelSpecManager()))
    page.metadata["kernelspec"] = chosen = {"name": "other", "display_name": "Other", "language": "python"}
    for_file(page)
    assert page.metadata["kernelspec"] == chosen
    assert STORED not in page.metadata


@pytest.mark.parametrize("path", sorted(COURSE.rglob("*.ipynb")), ids=lambda path: path.stem)
def test_numbers_of_our_notebooks_stand_there_as_a_page_writes_them(path):
    text = path.read_text(encoding="utf-8")
    assert not NUMBER.findall(text)
    assert text == nbformat.writes(nbformat.reads(text, as_version=4)) + "\n"


# the extension


def server(folder, kind=AsyncLargeFileManager):
    """What the extension sees of a server, with a contents manager of its own; sessions and kernels know nothing."""
    calls = []
    notary = NotebookNotary(store_factory=MemorySignatureStore, secret=b"of this test")
    made = SimpleNamespace(
        contents_manager=kind(root_dir=str(folder), notary=notary), kernel_spec_manager=KernelSpecManager(),
        io_loop=SimpleNamespace(add_callback=lambda call, *words: calls.append((call, words))),
        log=SimpleNamespace(debug=lambda *words: None), calls=calls,
    )  # fmt: skip
    saved._load_jupyter_server_extension(made)
    for call, words in calls:
        call(*words)
    return made


def waited(coroutine):
    """What comes of it, run in another thread: this one's loop may be playwright's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def save(made, nb, name="n.ipynb"):
    model = {"type": "notebook", "format": "json", "content": copy.deepcopy(nb)}
    return made.contents_manager.save(model, name)


def test_saving_and_reading_through_a_server(tmp_path, monkeypatch):
    async def knows_a(*_):
        return {"a"}

    made, name = server(tmp_path), "n.ipynb"
    waited(save(made, notebook(**NAMELESS)))
    file = (tmp_path / name).read_text()
    assert WAITING in file
    assert "3." not in file
    read = made.contents_manager.get
    still = waited(read(name, type="notebook"))["content"]
    monkeypatch.setattr(saved, "living", knows_a)
    live = waited(read(name, type="notebook"))["content"]
    exported = waited(read(name))["content"]
    assert [shows(nb) for nb in (still, live, exported)] == [{"b"}, {"a", "b"}, {"b"}]
    waited(save(made, live))
    assert (tmp_path / name).read_text() == file


def test_a_readers_own_hook_comes_first_and_files_of_text_pass(tmp_path):
    seen = []
    made = server(tmp_path)
    made.contents_manager.pre_save_hook = lambda model, **_: seen.append(json.dumps(model["content"]))
    waited(save(made, notebook()))
    assert VIEW in json.dumps(json.loads(seen[0])["cells"][1]["outputs"][0])
    waited(made.contents_manager.save({"type": "file", "format": "text", "content": "a"}, "a.txt"))
    assert (tmp_path / "a.txt").read_text() == "a"


def test_a_contents_manager_of_the_old_kind_saves_pictures_too(tmp_path):
    made = server(tmp_path, FileContentsManager)
    save(made, notebook())
    assert shows(made.contents_manager.get("n.ipynb", type="notebook")["content"]) == {"b"}


def test_a_kernel_says_which_models_it_has():
    manager = KernelManager()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(60)
        code = "import ipywidgets, time; print(ipywidgets.IntSlider().model_id, flush=True); time.sleep(60)"
        client.execute(code)
        while (said := client.get_iopub_msg(60))["msg_type"] != "stream":
            pass
        models = waited(saved.open_comms(manager.get_connection_info()))
        assert said["content"]["text"].strip() in models, "it answers while a cell runs"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_neither_torch_nor_a_kernel_is_imported():
    names = "import sys, coursekit.app.saved; print({'torch', 'IPython'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
