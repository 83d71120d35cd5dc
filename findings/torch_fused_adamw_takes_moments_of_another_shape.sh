#!/usr/bin/env bash
# torch 2.13.0, CPU: AdamW(fused=True) steps without a word on moments that have another shape than their weight.
#
# One would expect a state that does not fit to be refused, if not by load_state_dict, then by the step. load_state_dict
# compares the groups and the number of parameters and no shapes (torch/optim/optimizer.py, Optimizer.load_state_dict).
# The plain loop and foreach=True then raise a RuntimeError in the first step. The fused kernel reads the moments as they
# lie in memory: with moments (6, 4) for a weight (4, 6), as from a layer that somebody has transposed, every number is
# updated with the average of another one, and nothing is said. What reads a state from a file has to compare each shape
# with that of its parameter. (Moments with fewer numbers than their weight are not tried here: what lies behind them
# would be read.)
#
# Prints a line for each way to step, and fails if any of them changes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.3.5 \
  2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/moments.py" <<'PY'
import torch


def step(transposed, **how):
    """Two updates, the second on moments that were handed over turned, or as they are; the weight after them."""
    weight = torch.nn.Parameter(torch.zeros(4, 6))
    optimizer = torch.optim.AdamW([weight], lr=0.1, **how)
    weight.grad = torch.linspace(0, 1, 24).reshape(4, 6)
    optimizer.step()
    state = optimizer.state_dict()
    for name in ("exp_avg", "exp_avg_sq"):
        moment = state["state"][0][name]
        state["state"][0][name] = moment.T.contiguous() if transposed else moment.clone()
    optimizer.load_state_dict(state)
    optimizer.step()
    return weight.detach()


seen = {}
for name, how in (("plain loop", {"foreach": False}), ("foreach", {"foreach": True}), ("fused", {"fused": True})):
    right = step(False, **how)
    try:
        wrong = step(True, **how)
        seen[name] = "other weights, and no error" if not torch.allclose(right, wrong, atol=1e-3) else "the same"
    except RuntimeError as error:
        seen[name] = type(error).__name__
    print(f"{name:10}  moments (6, 4) for a weight (4, 6): {seen[name]}")
assert seen == {"plain loop": "RuntimeError", "foreach": "RuntimeError", "fused": "other weights, and no error"}, "changed"
PY
"$work/venv/bin/python" "$work/moments.py"
