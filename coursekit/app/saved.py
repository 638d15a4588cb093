"""What a notebook's file holds, and what a page gets of it: an extension of Jupyter's server.

A live explorer's output is a picture and beside it a widget's view, a reference into a running kernel. A page prefers
the view, and has nothing to show for it once the kernel has ended: "model not found". So the file keeps the picture
alone (`for_file`), and the view waits in the output's metadata. A page that opens the file gets the view back if the
notebook's kernel still has the model that it refers to (`for_page`), and then the explorer is live again. Exports and
copies, whatever reads the file elsewhere, find the picture.

JupyterLab also writes into every notebook that it opens which Python runs there, and takes it for changed. Ours name
no version, since they are the same for everyone: the page gets one, the file does not.

Nothing needs to be remembered here: each form says what the other one was. jupyter/jupyter_server_config.d enables it
for `coursekit lab`, binder/jupyter_server_config.json elsewhere.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from inspect import iscoroutinefunction
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

VIEW = "application/vnd.jupyter.widget-view+json"
WAITING = "coursekit_view"  # in an output's metadata, in the file: the view that a page may get back
STORED = "coursekit_stored"  # in a notebook's metadata, in the page: what the file says there
PATIENCE = 2.0  # seconds for a kernel's answer; it answers beside a cell that runs
PYTHON = {  # what ipykernel says about itself, beside the version
    "name": "python",
    "mimetype": "text/x-python",
    "codemirror_mode": {"name": "ipython", "version": sys.version_info[0]},
    "pygments_lexer": f"ipython{sys.version_info[0]}",
    "nbconvert_exporter": "python",
    "file_extension": ".py",
}

Notebook = dict[str, Any]


def for_file(notebook: Notebook) -> None:
    """Leave the pictures: views that stand beside one wait in the metadata, and the file says what it said."""
    for output in _outputs(notebook):
        if VIEW in output["data"] and any(kind.startswith("image/") for kind in output["data"]):
            output.setdefault("metadata", {})[WAITING] = output["data"].pop(VIEW)
    if not any(VIEW in output["data"] for output in _outputs(notebook)):
        notebook["metadata"].pop("widgets", None)  # the state of widgets that nothing shows
    for key, words in notebook["metadata"].pop(STORED, {}).items():
        if notebook["metadata"].get(key, {}).get("name") == words["name"]:  # else the reader has chosen another kernel
            notebook["metadata"][key] = words


def for_page(notebook: Notebook, models: Collection[str] = (), runs: Mapping[str, Any] | None = None) -> None:
    """Give views back whose models are alive, and say which Python runs if the file names no version.

    `runs` is what JupyterLab will write, "kernelspec" and "language_info". `for_file` undoes all this.
    """
    for_file(notebook)
    for output in _outputs(notebook):
        if output.get("metadata", {}).get(WAITING, {}).get("model_id") in models:
            output["data"][VIEW] = output["metadata"].pop(WAITING)
    metadata = notebook["metadata"]
    if runs and runs.keys() <= metadata.keys() and "version" not in metadata["language_info"]:
        metadata[STORED] = {key: metadata[key] for key in runs}
        metadata.update(runs)


def waiting(notebook: Notebook) -> bool:
    """Whether any view may come back."""
    return any(WAITING in output.get("metadata", {}) or VIEW in output["data"] for output in _outputs(notebook))


def _outputs(notebook: Notebook) -> Iterator[dict[str, Any]]:
    """The outputs that have data: neither text of a stream nor an error."""
    for cell in notebook.get("cells", ()):
        yield from (output for output in cell.get("outputs", ()) if "data" in output)


# the extension


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "coursekit.app.saved"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Stand between pages and files as soon as the server runs: another extension (jupytext) may bring a contents
    manager of its own."""
    server.io_loop.add_callback(stand_between, server)


def stand_between(server: Any) -> None:
    """Hook into the contents manager, whichever it is and whatever hooks it has."""
    manager = server.contents_manager
    manager.register_pre_save_hook(before_saving)
    if not iscoroutinefunction(manager.get):  # one of another kind: pages get what the file holds
        return
    read = manager.get

    async def get(path: str, content: bool = True, type: str | None = None, **more: Any) -> dict[str, Any]:
        model: dict[str, Any] = await read(path, content=content, type=type, **more)
        if type == "notebook" and content:  # a page asks for a notebook as such, an export or a copy does not
            notebook = model["content"]
            models = await living(server, path) if waiting(notebook) else set()
            for_page(notebook, models, running(notebook, server.kernel_spec_manager))
        return model

    manager.get = get


def before_saving(model: dict[str, Any], **_: Any) -> None:
    """The hook: what the page sends becomes what the file holds."""
    if model.get("type") == "notebook" and model.get("content"):
        for_file(model["content"])


def running(notebook: Notebook, specs: KernelSpecManager) -> dict[str, Any] | None:
    """What JupyterLab will write about the notebook's kernel; None if that is no kernel of this Python."""
    name = notebook["metadata"].get("kernelspec", {}).get("name", "")
    try:
        spec = specs.get_kernel_spec(name)
    except (NoSuchKernel, ValueError):
        return None
    if spec.language != "python" or spec.argv[0] not in (sys.executable, "python", "python3"):
        return None
    version = ".".join(map(str, sys.version_info[:3]))
    kernelspec = {"name": name, "display_name": spec.display_name, "language": spec.language}
    return {"kernelspec": kernelspec, "language_info": {**PYTHON, "version": version}}


async def living(server: Any, path: str) -> set[str]:
    """The models that the kernel of an open notebook has; none if there is no kernel, or it does not say."""
    try:
        session = await server.session_manager.get_session(path=path.strip("/"))
        kernel = server.kernel_manager.get_kernel(session["kernel"]["id"])
        return await open_comms(kernel.get_connection_info())
    except Exception as why:  # no reason of any kind may keep a reader from opening a notebook
        server.log.debug("%s: still pictures, no kernel has told of its widgets (%r)", path, why)
        return set()


async def open_comms(connection: Any) -> set[str]:
    """The comms, which are the models, of a kernel; queue.Empty if it does not answer."""
    client = AsyncKernelClient()
    client.load_connection_info(connection)
    client.start_channels(shell=False, iopub=False, stdin=False, hb=False)
    try:
        client.control_channel.send(client.session.msg("comm_info_request", {}))
        answer = await client.get_control_msg(timeout=PATIENCE)
        return set(answer["content"]["comms"])
    finally:
        client.stop_channels()
