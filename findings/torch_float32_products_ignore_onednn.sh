#!/usr/bin/env bash
# torch 2.13.0 on an AMD processor with AVX-512: a product in float32 takes twice as long as in oneDNN, which torch
# brings along.
#
# One would expect torch to use the faster of the two libraries that it was built with. The CPU wheels hold Intel's MKL
# and oneDNN; F.linear in float32 goes to MKL (aten/src/ATen/native/CPUBlas.cpp, gemm), whatever the processor, and only
# bfloat16 and float16 go to oneDNN. On a Zen 5 processor, one thread, 200 rows of width 128 times a vocabulary of 4,000
# took 2.28 ms in MKL and 0.95 ms in oneDNN, with the same result. No public function or setting makes the choice:
# torch.backends.mkldnn.matmul.fp32_precision = "tf32" changes nothing there, and to_mkldnn() and to_dense() around
# this product take 4.1 ms with it, most of it for copying. The call below is the one that torch.compile makes.
#
# Without AVX-512 there is nothing to gain: on a Zen 3 processor the two took the same time (ratios .8, .9 and 1.0).
#
# CTranslate2 takes oneDNN on AMD processors; with CT2_USE_MKL=1 its beam search needs a third more time on this one.
#
# Prints the milliseconds, and fails if MKL takes less than 1.5 times as long, unless the processor is not AMD's or has
# no AVX-512.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.3.5 \
  2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/measure.py" <<'PY'
import pathlib
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def mkl(x, w):
    return F.linear(x, w)


def onednn(x, w):
    return torch.ops.mkldnn._linear_pointwise(x, w, None, "none", [], "")


def milliseconds(product, x, w):
    start = time.perf_counter()
    product(x, w)
    return 1000 * (time.perf_counter() - start)


ratios = []
for width, out in ((128, 128), (128, 384), (128, 4000)):
    x, w = torch.randn(200, width), torch.randn(out, width)
    torch.testing.assert_close(mkl(x, w), onednn(x, w), rtol=1e-4, atol=1e-4)
    turns = [(milliseconds(mkl, x, w), milliseconds(onednn, x, w)) for _ in range(60)]
    slow, fast = (min(times) for times in zip(*turns))  # the quickest: nothing else had the processor then
    ratios.append(slow / fast)
    print(f"200 x {width} times {width} x {out:<5} MKL {slow:6.3f} ms   oneDNN {fast:6.3f} ms   ratio {ratios[-1]:.1f}")
cpuinfo = pathlib.Path("/proc/cpuinfo")
if not cpuinfo.exists() or not {"AuthenticAMD", "avx512f"} <= set(cpuinfo.read_text().split()):
    print("not an AMD processor with AVX-512: nothing is claimed here")
    raise SystemExit
raise SystemExit(ratios[-1] < 1.5)
PY
"$work/venv/bin/python" "$work/measure.py"
