#!/usr/bin/env bash
# ipykernel 7.4.0 with nbval 0.11.0: what C code prints is an output everywhere but where nbval compares outputs.
#
# One would expect nbval to run a cell as JupyterLab and nbclient do. A kernel of ipykernel copies its file descriptors 1
# and 2 into the notebook, so what a C library writes (a warning of torch's C++ part, puts, os.write) is an output and is
# stored. But not if the environment variable PYTEST_CURRENT_TEST was set when the kernel started (ipykernel/iostream.py,
# OutStream.__init__), which the kernel was given for its own tests. nbval starts its kernels inside a pytest run, they
# inherit the variable, and the descriptors are left alone. So a stored notebook fails that does print the same again
# everywhere else, and a cell that newly prints from C passes.
#
# Runs one cell, which writes to descriptor 1, with nbclient and with nbval, whose stored notebook is nbclient's own.
# Prints both, and fails if that is no longer so.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check nbval==0.11.0 pytest==9.2.0 ipykernel==7.4.0 \
  nbformat==5.11.1 nbclient==0.11.0 jupyter_client==8.10.0 2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/write.py" <<'PY'
import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

SOURCE = "import os\nos.write(1, b'from C\\n')\nNone"
kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
notebook = new_notebook(cells=[new_code_cell(SOURCE, id="c")], metadata=kernel)
NotebookClient(notebook, record_timing=False).execute()
print("nbclient stores:", [output["text"] for output in notebook.cells[0].outputs])
nbformat.write(notebook, "stored.ipynb")
PY

cd "$work"
unset PYTEST_CURRENT_TEST
stored=$(venv/bin/python write.py 2>/dev/null | grep stores)
echo "$stored"
code=0
venv/bin/python -m pytest --nbval --nbval-current-env -q -p no:cacheprovider stored.ipynb >said.txt 2>&1 || code=$?
said=$(grep -oE '[0-9]+ (passed|failed)' said.txt | tail -1)
echo "nbval says:      $said"
[ "$stored" = "nbclient stores: ['from C\\n']" ] && [ "$said" = "1 failed" ] && [ "$code" = 1 ]
