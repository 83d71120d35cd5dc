#!/usr/bin/env bash
# nltk 3.10.4 and sacreBLEU 2.6.0: what a perfect translation scores, and a bad one.
#
# BLEU of a text against itself should be 100. In nltk it is 100 only where every line has four words or more: for a
# shorter line corpus_bleu counts one n-gram that was tried and missed (its denominator is at least 1), so short lines
# pull a perfect corpus down, to 1/3 in the example below. sacreBLEU counts no n-gram there, but if no line has four words
# its corpus score is 0, while each of the same lines scores 100 by sentence_bleu (which uses the lengths that exist).
#
# The two also want the references the other way round. nltk takes a list of references for each sentence; sacreBLEU a
# list of sentences for each set of references. Handed nltk's form, sacreBLEU takes [[r1], [r2], ...] for many sets of
# one sentence, scores the first sentence against all of them and leaves the others out, without a word: a system whose
# first sentence is right and whose others are nonsense gets 100.
#
# Prints the scores, and fails if any of them changes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check nltk==3.10.4 sacrebleu==2.6.0 \
  2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/bleu.py" <<'PY'
import warnings

import sacrebleu
from nltk.translate.bleu_score import corpus_bleu

warnings.simplefilter("ignore")  # nltk warns of n-grams that never match
found = {}


def both(name, lines):
    """The corpus against itself, in both libraries."""
    cut = [line.split() for line in lines]
    found[name] = (
        round(100 * corpus_bleu([[words] for words in cut], cut), 1),
        round(sacrebleu.corpus_bleu(lines, [lines], tokenize="none").score, 1),
    )
    print(f"{name:44} nltk {found[name][0]:5.1f}   sacreBLEU {found[name][1]:5.1f}")


both("8 lines of nine words", ["the old needle has a very sharp little point"] * 8)
both("the same and 2 of two words", ["the old needle has a very sharp little point"] * 8 + ["it points"] * 2)
both("50 of two words and 1 of nine", ["it points"] * 50 + ["the old needle has a very sharp little point"])
both("20 of three words", ["the needle points"] * 20)
one = sacrebleu.sentence_bleu("the needle points", ["the needle points"], tokenize="none").score
print(f"{'one of these by itself, as a sentence':44}              sacreBLEU {one:5.1f}")

references = ["the needle has a point", "it is polite to knock", "the lion sleeps all day"]
system = [references[0], "yes yes yes yes", "no no no no"]
right = sacrebleu.corpus_bleu(system, [references]).score
silent = sacrebleu.corpus_bleu(system, [[line] for line in references])
print(f"one sentence of three right: {right:.1f}; references in nltk's form: {silent.score:.1f}, {silent.sys_len} words counted")
assert found == {
    "8 lines of nine words": (100.0, 100.0),
    "the same and 2 of two words": (98.1, 100.0),
    "50 of two words and 1 of nine": (33.9, 100.0),
    "20 of three words": (0.0, 0.0),
}, found
assert round(one) == 100 and right < 60 and round(silent.score) == 100 and silent.sys_len == 5, "this has changed"
PY
"$work/venv/bin/python" "$work/bleu.py"
