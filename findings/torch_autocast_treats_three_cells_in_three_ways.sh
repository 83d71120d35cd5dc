#!/usr/bin/env bash
# torch 2.13.0, CPU: under autocast to bfloat16 nn.RNN, nn.GRU and nn.LSTM do three different things.
#
# One would expect the three recurrent layers, which take the same arguments, to be treated alike. nn.RNN computes in
# bfloat16 and returns it. nn.GRU is not touched: it computes and returns float32, without a word. nn.LSTM is handed to
# oneDNN, which has a bfloat16 LSTM only for AVX-512 and above; on a processor with AVX2 it raises "could not create a
# primitive descriptor for the LSTM forward propagation primitive" (so reported in intel/torch-xpu-ops issue 4066 for
# another device). The same LSTM works there when weights and input are cast by hand: .bfloat16() goes another way.
#
# So a model that trains under autocast with a GRU may stop in its first update when the GRU becomes an LSTM, on some
# computers only, and whoever compares the speed of the three in bfloat16 compares two number formats.
#
# ONEDNN_MAX_CPU_ISA=AVX2 lets every x86 processor show what one with AVX2 does.
# Prints a line for each layer and way, and fails if any of them changes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.3.5 \
  2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/cells.py" <<'PY'
import torch

seen = {}
for name in ("RNN", "GRU", "LSTM"):
    x = torch.randn(2, 3, 8)
    layer = getattr(torch.nn, name)(8, 8, batch_first=True)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            seen[name, "autocast"] = str(layer(x)[0].dtype)
    except RuntimeError as error:
        seen[name, "autocast"] = str(error).partition(".")[0]
    seen[name, "cast by hand"] = str(layer.bfloat16()(x.bfloat16())[0].dtype)

for (name, way), what in seen.items():
    print(f"nn.{name:4}  {way:12}  {what}")
half, whole = "torch.bfloat16", "torch.float32"
expected = {
    ("RNN", "autocast"): half,
    ("GRU", "autocast"): whole,
    ("LSTM", "autocast"): "could not create a primitive descriptor for the LSTM forward propagation primitive",
    **{(name, "cast by hand"): half for name in ("RNN", "GRU", "LSTM")},
}
assert seen == expected, "this has changed"
PY
ONEDNN_MAX_CPU_ISA=AVX2 "$work/venv/bin/python" "$work/cells.py"
