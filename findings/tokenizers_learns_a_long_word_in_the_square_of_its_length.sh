#!/usr/bin/env bash
# tokenizers 0.23.3: one long word in a corpus makes the training of BPE take time by the square of its length, or more.
#
# One would expect learning to take about as long as encoding, which is linear: a text of a megabyte is nothing. The
# trainer counts pairs word by word, a word being what the pre-tokenizer cuts, and after each merge it goes through every
# word that held the pair, letter by letter (models/bpe/trainer.rs, do_train, and word.rs, Word::merge, which removes
# letters from the middle of a list). A line without blanks, such as a base64 picture or a web address in a crawled
# corpus, is one word, and is gone through once for each of thousands of merges. Encoding the same word is done with a
# queue. Corpora want a limit for the length of a line before the trainer sees it.
#
# Learns 1,000 pieces from one word of 10,000 and of 80,000 random letters, and encodes them. Prints how many times as
# long the longer one takes, eight times being linear, and fails if learning is no longer much worse than encoding.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check tokenizers==0.23.3 \
  2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/words.py" <<'PY'
import random
import time

from tokenizers import Tokenizer, models, pre_tokenizers, trainers


def seconds(work):
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def learned(word):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator([word], trainers.BpeTrainer(vocab_size=1000, show_progress=False))
    return tokenizer


draw = random.Random(1)
words = {n: "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=n)) for n in (10_000, 80_000)}
learning = {n: seconds(lambda word=word: learned(word)) for n, word in words.items()}
tokenizer = learned(words[10_000])
encoding = {n: seconds(lambda word=word: tokenizer.encode(word)) for n, word in words.items()}
worse = {name: took[80_000] / took[10_000] for name, took in (("learning", learning), ("encoding", encoding))}
for name, times in worse.items():
    print(f"{name}: a word eight times as long takes {times:.0f} times as long")
assert worse["learning"] > 20 and worse["learning"] > 2 * worse["encoding"], "this has changed"
PY
TOKENIZERS_PARALLELISM=false RAYON_NUM_THREADS=1 "$work/venv/bin/python" "$work/words.py"
