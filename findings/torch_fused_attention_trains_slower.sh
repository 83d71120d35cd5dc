#!/usr/bin/env bash
# torch 2.13.0 on a CPU: in bfloat16, the backward pass of scaled_dot_product_attention takes ten times as long as that of
# three plain operations (scores, softmax, product).
#
# One would expect a fused kernel to be the fast way, above all in the number format that makes products faster. For 64
# sentences of 16 pieces and 4 heads of 32 numbers, forward and backward together took 10 to 17 times as long as written
# out, while a product of two matrices in bfloat16 took a fourth of its time in float32 on the same processor. In
# float32 the kernel is ahead (one thread). Autograd calls it _scaled_dot_product_flash_attention_for_cpu; its backward
# pass (aten/src/ATen/native/cpu/FlashAttentionKernel.cpp, cpu_flash_attention_backward) makes its products for each
# sentence and head by itself, where plain operations hand over all sentences and heads as one batch. In a translation
# model of width 128 this was half of a whole training step.
#
# Needs a processor on which bfloat16 is worth using: the script measures that first, and says so where it is not.
# Prints the milliseconds, and fails if the fused kernel takes less than twice as long in bfloat16.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.3.5 \
  2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/measure.py" <<'PY'
import statistics
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


def written_out(q, k, v):
    return (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1) @ v


def once(work):
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def product(dtype):
    a, b = torch.randn(1024, 256).to(dtype), torch.randn(256, 1024).to(dtype)
    return statistics.median(once(lambda: a @ b) for _ in range(20))


def training(attention, dtype):
    q, k, v = (torch.randn(64, 4, 16, 32).to(dtype).requires_grad_() for _ in range(3))

    def step():
        attention(q, k, v).sum().backward()

    return [once(step) for _ in range(20)]


if product(torch.bfloat16) > product(torch.float32):
    print("bfloat16 is slower than float32 on this processor: nothing to see here")
    raise SystemExit
for dtype in (torch.float32, torch.bfloat16):
    seconds = {a: [] for a in (fused, written_out)}
    for _ in range(3):  # in turns
        for a in seconds:
            seconds[a] += training(a, dtype)
    medians = {a.__name__: statistics.median(times) for a, times in seconds.items()}
    ratio = medians["fused"] / medians["written_out"]
    print(f"{str(dtype):<15} fused {medians['fused']:6.2f} ms   written out {medians['written_out']:6.2f} ms   ratio {ratio:.1f}")
raise SystemExit(ratio < 2)
PY
"$work/venv/bin/python" "$work/measure.py"
