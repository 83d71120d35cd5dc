#!/usr/bin/env bash
# tokenizers 0.23.3 and subword-nmt 0.3.8: the same counts, the same number of merges, other merges.
#
# Byte-pair encoding merges the most frequent pair of neighbors (Sennrich et al. 2016, algorithm 1). The paper does not
# say what happens where several pairs are equally frequent, and one would expect that it hardly matters. In small and
# medium corpora most merges are decided by such a tie. subword-nmt, the authors' program, takes the pair that is last
# in the alphabet; tokenizers takes the one whose pieces have the smallest ids, which are the oldest pieces and, among
# letters, the first in the alphabet. (The rules were found by experiment; neither documentation states them.)
#
# So two tokenizers "with BPE, 1,000 merges, on this corpus" cut differently, a vocabulary cannot be made again with
# the other program, and an exercise that asks for BPE has to say its rule.
#
# Learns merges with both from 40 made-up words, finds the rule that each follows, prints where they part, and fails if
# that changes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check tokenizers==0.23.3 subword-nmt==0.3.8 \
  2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/ties.py" <<'PY'
import io
import itertools
from collections import Counter

from subword_nmt.learn_bpe import learn_bpe
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

MERGES = 40
stems, ends = ("lami", "toru", "pend", "sako", "dilu", "brem", "gant", "moro"), ("s", "en", "ta", "ri", "no")
words = {stem + end: 1 + (3 * i + 5 * j) % 4 for i, stem in enumerate(stems) for j, end in enumerate(ends)}
lines = [word for word, count in words.items() for _ in range(count)]


def by_hand(pick, end=""):
    """Merges, and how many were decided by a tie. pick(pairs, ids) chooses among the most frequent pairs."""
    cut = {(*word[:-1], word[-1] + end): count for word, count in words.items()}
    ids = {piece: i for i, piece in enumerate(sorted({piece for word in cut for piece in word}))}
    merges, ties = [], 0
    for _ in range(MERGES):
        pairs = Counter()
        for word, count in cut.items():
            for pair in itertools.pairwise(word):
                pairs[pair] += count
        most = [pair for pair, count in pairs.items() if count == max(pairs.values())]
        ties += len(most) > 1
        a, b = pick(most, ids)
        merges.append((a, b))
        ids.setdefault(a + b, len(ids))
        new = {}
        for word, count in cut.items():
            out = []
            for piece in word:
                if out and out[-1] == a and piece == b:
                    out[-1] = a + b
                else:
                    out.append(piece)
            new[tuple(out)] = count
        cut = new
    return merges, ties


tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
letters = len({letter for word in words for letter in word})
trainer = trainers.BpeTrainer(vocab_size=letters + MERGES, show_progress=False)
tokenizer.train_from_iterator(lines, trainer)
import json

found = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
out = io.StringIO()
learn_bpe(io.StringIO("\n".join(lines)), out, MERGES)
older = [tuple(line.split()) for line in out.getvalue().splitlines()[1:]]

rules = {
    "smallest ids": lambda most, ids: min(most, key=lambda pair: (ids[pair[0]], ids[pair[1]])),
    "first in the alphabet": lambda most, ids: min(most),
    "last in the alphabet": lambda most, ids: max(most),
}
follows = {}
for library, merges, end in (("tokenizers", found, ""), ("subword-nmt", older, "</w>")):
    follows[library] = [name for name, rule in rules.items() if by_hand(rule, end)[0] == merges]
    print(f"{library:12} {len(merges)} merges, as by hand with: {', '.join(follows[library])}")
ties = by_hand(rules["smallest ids"])[1]
apart = next(i for i, (a, b) in enumerate(zip(found, older)) if "".join(a) != "".join(b).replace("</w>", ""))
print(f"decided by a tie: {ties} of {MERGES}; the two part at merge {apart + 1}: {found[apart]}, {older[apart]}")
assert follows == {"tokenizers": ["smallest ids"], "subword-nmt": ["last in the alphabet"]}, "this has changed"
assert ties > MERGES / 2
PY
TQDM_DISABLE=1 "$work/venv/bin/python" "$work/ties.py"
