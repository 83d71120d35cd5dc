#!/usr/bin/env bash
# torch 2.13.0: what nn.TransformerEncoder returns at padding depends on whether anybody takes gradients.
#
# One would expect evaluation mode to change dropout and nothing else. With src_key_padding_mask, nn.TransformerEncoder
# has two ways. In training, or while gradients are recorded, pads are computed like words (only as keys they are not
# seen). In evaluation mode under no_grad it packs the real words into a nested tensor, and what stands at the pads
# afterwards is exactly 0. (The constructor's enable_nested_tensor is on by default; the documentation calls it a faster
# path, and does not say that the output differs.) Real words agree to rounding.
#
# So a mean over all places of a sentence, pads included, is one number during training and another one after it, with
# the same weights; a batch that holds nothing but pads works in training and raises in evaluation; and a test that
# compares an encoder of one's own with torch's passes or fails by the mode.
#
# Prints both, and fails if any of it changes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.3.5 \
  2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/pads.py" <<'PY'
import warnings

import torch

warnings.simplefilter("ignore")  # torch says that nested tensors are a prototype
torch.manual_seed(0)
layer = torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
encoder = torch.nn.TransformerEncoder(layer, 2)
x = torch.randn(2, 5, 16)
drop = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])  # the second sentence has two pads

encoder.train()
training = encoder(x, src_key_padding_mask=drop).detach()
encoder.eval()
with torch.no_grad():
    evaluation = encoder(x, src_key_padding_mask=drop)
apart = (training - evaluation)[~drop].abs().max().item()
print(f"real words differ by at most {apart:.0e}")
print(f"largest number at a pad: training {training[drop].abs().max():.2f}, evaluation {evaluation[drop].abs().max():.2f}")
means = [each[1].mean(dim=0)[0].item() for each in (training, evaluation)]
print(f"a mean over all five places: training {means[0]:.3f}, evaluation {means[1]:.3f}")

only_pads = torch.ones(2, 5, dtype=torch.bool)
said = {}
for mode in ("training", "evaluation"):
    encoder.train(mode == "training")
    try:
        with torch.set_grad_enabled(mode == "training"):
            encoder(x, src_key_padding_mask=only_pads)
        said[mode] = "works"
    except RuntimeError as error:
        said[mode] = f"raises {type(error).__name__}"
print("a batch of pads alone:", said)
assert apart < 1e-5
assert training[drop].abs().min() > 0 and not evaluation[drop].any(), "this has changed"
assert said == {"training": "works", "evaluation": "raises RuntimeError"}, "this has changed"
PY
"$work/venv/bin/python" "$work/pads.py"
