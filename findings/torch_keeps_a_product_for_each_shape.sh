#!/usr/bin/env bash
# torch 2.13.0 on a CPU: products in bfloat16 leave memory behind for every new shape, up to hundreds of megabytes.
#
# One would expect the memory of a training step to depend on the size of its batch, and a loop over small batches to need
# the memory of the largest. torch hands products in bfloat16 to oneDNN, which compiles a kernel for each shape and keeps
# the last 1,024 ("Primitive cache" in oneDNN's developer guide; the variable ONEDNN_PRIMITIVE_CACHE_CAPACITY sets
# another number, and is read at the first product, so that a program can still set it after importing torch). Batches of
# sentences come in a hundred shapes, with about ten products of their own each: a small translation model that trains on
# them grew from .7 to 1.5 GB, and to 1.1 with 128 kernels, at the same speed. No tensor accounts for that memory.
#
# Needs a processor with instructions for bfloat16; elsewhere torch makes these products without oneDNN.
# Prints what 1,000 products of at most a megabyte each leave behind, with the default and with 64 kernels (a part stays even
# then), and fails if that is below 200 MB, or if fewer kernels do not save 100.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.3.5 psutil==7.1.3 \
  2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/measure.py" <<'PY'
import gc
import os
import sys

import psutil
import torch

if sys.argv[1] != "default":
    os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = sys.argv[1]
torch.set_num_threads(1)


def megabytes():
    gc.collect()
    return psutil.Process().memory_info().rss / 2**20


def product(sentences, pieces):
    q = torch.ones(4 * sentences, pieces, 32, dtype=torch.bfloat16)
    (q @ q.mT) @ q


product(100, 40)
before = megabytes()
for sentences in range(1, 101):
    for pieces in (8, 11, 14, 17, 20):
        product(sentences, pieces)
print(round(megabytes() - before))
PY
default=$("$work/venv/bin/python" "$work/measure.py" default)
few=$("$work/venv/bin/python" "$work/measure.py" 64)
echo "left behind by 1,000 products of different shapes: $default MB; with 64 kernels kept: $few MB"
[ "$default" -gt 200 ] && [ "$default" -gt "$((few + 100))" ]
