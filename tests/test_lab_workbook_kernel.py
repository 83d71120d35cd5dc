"""The workbook in a real kernel, where cells are compiled in ways of their own: magics, reloaded files, no history."""

import os
import re
import subprocess
from pathlib import Path

import pytest


def mask(n):
    """A right answer with code of its own, so that no other cell's is taken for it."""
    return f"def causal_mask(T):\n    return np.tri(T) > {n / 64}"


CHECK = 'causal_mask = check("causal_mask", causal_mask)'


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """Runs cells in a kernel of this Python and returns what they print."""
    from ipykernel.kernelspec import make_ipkernel_cmd
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import KernelManager

    class OfThisPython(KernelManager):
        @property
        def kernel_spec(self):
            return KernelSpec(argv=make_ipkernel_cmd(), display_name="", language="python")

    folder = tmp_path_factory.mktemp("kernel")
    root = str(Path(__file__).parents[1])
    places = {"IPYTHONDIR": str(folder / "ipython"), "COURSE_WORKBOOK": str(folder / "workbook"), "PYTHONPATH": root}
    environment = {k: v for k, v in os.environ.items() if k != "NBGRADER_EXECUTION"}
    manager = OfThisPython()
    manager.start_kernel(env={**environment, **places, "OMP_NUM_THREADS": "1"}, cwd=folder, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()

    def run(*cells, history=True):
        printed = []

        def note(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            elif message["msg_type"] in ("display_data", "execute_result"):
                printed.append(content["data"]["text/plain"])
            elif message["msg_type"] == "error":
                printed.append(f"{content['ename']}: {content['evalue']}")

        for cell in cells:
            client.execute_interactive(cell, output_hook=note, timeout=300, store_history=history)
        return "".join(printed)

    run.folder = folder
    try:
        client.wait_for_ready(timeout=300)
        assert run("import numpy as np\nfrom course.lab import check, workbook") == ""
        yield run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def kept(kernel):
    return (kernel.folder / "workbook" / "causal_mask.py").read_text(encoding="utf-8")


CELLS = {
    "time": [f"%%time\n{mask(1)}", CHECK],
    "time with the check": [f"%%time\n{mask(2)}\n{CHECK}"],
    "capture": [f"%%capture\n{mask(3)}", CHECK],
    "two magics": [f"%%capture\n\n%%time\n{mask(9)}", CHECK],
    "magics around": [f"!echo\nx = 3\n%time y = 4\n{mask(4)}\nx?", CHECK],
    "a class without methods in a timed cell": [
        "%%time\nclass Numbers:\n    limit = 0.328125\ndef causal_mask(T):\n    return np.tri(T) > Numbers.limit",
        CHECK,
    ],
    "marks that break lines elsewhere": [mask(5).replace("    return", "    # \x0c a \u2028 b\n    return"), CHECK],
    "annotations of an earlier cell": [
        "from __future__ import annotations",
        mask(6).replace("T)", "T: Nope) -> Nada", 1),
        CHECK,
    ],
    "display": [mask(7).replace("    return", "    if T > 999:\n        display(T)\n    return"), CHECK],
}


@pytest.mark.parametrize("cells", CELLS.values(), ids=list(CELLS))
def test_it_is_kept(kernel, cells):
    (kernel.folder / "workbook" / "causal_mask.py").unlink(missing_ok=True)
    said = kernel(*cells)
    assert "passed." in said
    assert "not saved" not in said, said
    assert kernel("_ = workbook.load('causal_mask')") == "causal_mask: yours\n"
    assert re.search(r"0\.\d+", "".join(cells))[0] in kept(kernel)
    assert ("from IPython.display import display" in kept(kernel)) == ("display(T)" in "".join(cells))


def test_a_magic_inside_a_function_is_named(kernel):
    said = kernel("def causal_mask(T):\n    %time x = T\n    return np.tri(T) > 0", CHECK)
    assert "one of its lines begins with % or !, and only a notebook knows those. Can it go?" in said


def test_what_runs_is_kept_and_not_what_was_typed_since(kernel):
    """A cell that raises below a new definition, and one that is run again without the one below."""
    kernel("SHIFT = 0.25\ndef causal_mask(T, shift=SHIFT):\n    return np.tri(T) > shift")
    kernel("SHIFT = 0.75")
    assert "another shift than the one checked" in kernel(CHECK)
    assert "not saved" not in kernel("def causal_mask(T, shift=SHIFT):\n    return np.tri(T) > shift", CHECK)
    assert "SHIFT = 0.75" in kept(kernel)


def test_a_file_beside_the_notebook_as_it_runs(kernel):
    """Edited and not imported again, its text is not what runs; with autoreload it is."""
    file = kernel.folder / "beside_the_kernel.py"
    text = "import numpy as np\ndef lower(T):\n    return np.tri(T) > 0.125\n"
    file.write_text(text, encoding="utf-8")
    cell = "import beside_the_kernel\ndef causal_mask(T):\n    return beside_the_kernel.lower(T)"
    assert kernel(cell) == ""
    file.write_text(text.replace("0.125", "0.0625"), encoding="utf-8")
    assert "the source of lower has changed since it ran. Could you run it, or import it, again?" in kernel(CHECK)
    assert "not saved" not in kernel("import importlib\n_ = importlib.reload(beside_the_kernel)", CHECK)
    assert "0.0625" in kept(kernel)
    kernel("%load_ext autoreload", "%autoreload 2", "pass")  # it notes at a cell's beginning what is there
    file.write_text(text.replace("0.125", "0.1875"), encoding="utf-8")
    os.utime(file, (2**31, 2**31))
    assert "not saved" not in kernel(CHECK)
    assert "0.1875" in kept(kernel)


def test_a_cell_that_leaves_no_history_says_that_its_source_is_lost(kernel):
    said = kernel(f"%%time\n{mask(11)}", history=False) + kernel(CHECK)
    assert re.search(r"the source of causal_mask cannot be found. Could you run it in a plain cell", said), said
