"""Words with two senses in the encoder: where "point" of the needle and "to point at" part, and how a probe shows it.

    python -m course.lessons.lesson_13.senses

keeps what it measures in logs/senses.json. The sentences are those of the embedded corpus that the translator never
saw. A sense can be read off the meaning tree, and the seven word forms looked at are spelled alike in both senses: the
embedding of a form is one vector, whatever it means.

The control task is that of Hewitt and Liang (2019, section 2), for a word whose type never changes: in the place of the
sense stands a coin that was thrown once for each *word before it*. Whoever knows "the coin of `the`" needs no meaning,
only a trace of the neighbor and the room to learn a list. Selectivity is the accuracy for the senses minus the accuracy
for the coins (their section 3.1). Imports torch where the translator is asked.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course.alignment import owners
from course.data import embedded_pairs
from course.data.embedded import Pair
from course.data.grammar.meaning import Clause, Node, NounPhrase, Quality, walk
from course.data.grammar.tokens import Token

if TYPE_CHECKING:
    from course.translator import Translator

Array = NDArray[Any]

LOGS = Path(__file__).parent / "logs"
FILE = "senses.json"
CORPUS = "embedded-en-de"
SPLITS = ("senses", "dev", "test_iid", "combo", "role", "longer", "anaphora")  # none of them was trained on
LAYERS = ("embedding", "after layer 1", "after layer 2")
# For each form the two senses, and what German says for each: a part of the word that the other sense has not.
FORMS: dict[str, dict[str, tuple[str, ...]]] = {
    "point": {"tip": ("Spitze",), "show": ("zeig", "Zeig")},
    "watch": {"clock": ("Uhr",), "observe": ("beobacht", "Beobacht")},
    "watches": {"clock": ("Uhr",), "observe": ("beobacht",)},
    "light": {"lamp": ("Licht",), "not heavy": ("leicht",)},
    "fly": {"insect": ("Fliege",), "in the air": ("flieg", "flog", "Fliegt")},
    "flies": {"insect": ("Fliege",), "in the air": ("flieg", "flog", "Fliegt")},
    "bank": {"money": ("Bank",), "river": ("Ufer",)},
}
PENALTY = 1.0  # of the squared weights of a probe, on vectors of root mean square 1
FOLDS = 10
CONTROLS = 10  # control tasks
THROWS = 50  # of all coins, for each of these
DRAWS = 2000  # of the bootstrap


# ---- The occurrences -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Occurrence:
    """One of the `FORMS` in a sentence.

    at: which word of the source. sense: a key of its form. before: the word before it in lower case, "" at the start.
    """

    pair: Pair
    form: str
    at: int
    sense: str
    before: str

    @property
    def label(self) -> int:
        """0 for the first sense of the form, 1 for the second."""
        return list(FORMS[self.form]).index(self.sense)


def occurrences(splits: Iterable[str] = SPLITS) -> list[Occurrence]:
    """Every occurrence of the `FORMS`, split after split."""
    return [found for split in splits for pair in embedded_pairs(CORPUS, split) for found in occurrences_in(pair)]


def occurrences_in(pair: Pair) -> list[Occurrence]:
    """Those of one pair, from left to right."""
    words = pair.source_tokens
    return [
        Occurrence(pair, token.text, at, _sense(pair, token), words[at - 1].text.lower() if at else "")
        for at, token in enumerate(words)
        if token.text in FORMS
    ]


def _sense(pair: Pair, token: Token) -> str:
    """Which of the two senses the tree says: by the word's place in it, and of banks by the word itself."""
    first, second = FORMS[token.text]
    assert pair.meaning is not None, "probes are not among the splits"
    nodes = list(walk(pair.meaning))
    if token.text == "bank":
        return first if any(_is(node, "bank_money", token) for node in nodes) else second
    is_noun = any(isinstance(node, NounPhrase) and node.noun.id in token.ids for node in nodes)
    other = [node.verb if isinstance(node, Clause) else node.adjective
             for node in nodes if isinstance(node, Clause | Quality)]  # fmt: skip
    other += [word for node in nodes if isinstance(node, NounPhrase) for word in node.adjectives]
    assert is_noun != any(word.id in token.ids for word in other), f"two senses at once: {pair.source}"
    return first if is_noun else second


def _is(node: Node, lemma: str, token: Token) -> bool:
    return getattr(node, "lemma", "") == lemma and node.id in token.ids


# ---- Vectors ----------------------------------------------------------------------------------------------------


def encoder_states(translator: Translator, sentence: str) -> Array:
    """(layers + 1, S, d): the pieces of a sentence and its end at the embedding and after each encoder layer.

    The last is what the decoder reads, the norm behind the last layer included.
    """
    import torch

    from course.lessons.lesson_13.editing import transformer_of

    model = transformer_of(translator)
    kept: list[Any] = []
    layers = model.encoder.layers
    hooks = [layers[0].register_forward_pre_hook(lambda _, given: kept.append(given[0]))]
    hooks += [layer.register_forward_pre_hook(lambda _, given: kept.append(given[0])) for layer in list(layers)[1:]]
    try:
        with torch.inference_mode():
            memory = model.encode(torch.tensor(translator.source_ids([sentence])))
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat([*kept, memory]).numpy().astype(float)


def word_vectors(translator: Translator, found: Sequence[Occurrence]) -> Array:
    """(N, layers + 1, d): the vector of each occurrence at each layer, the mean over the word's pieces."""
    states = functools.cache(lambda pair: encoder_states(translator, pair.source))
    tokenizer, vectors = translator.tokenizer, []
    for each in found:
        sizes = tokenizer.byte_lengths(tokenizer.encode(each.pair.source))
        of_word = np.array(owners([*sizes, 0], each.pair.source_tokens)) == each.at
        vectors.append(states(each.pair)[:, of_word].mean(1))
    return np.array(vectors)


def plane(vectors: Array) -> tuple[Array, float]:
    """The two directions in which vectors (N, d) differ most: places (N, 2), and their share of the variance.

    Principal components by singular values. The sign of each direction is fixed: its largest entry is positive.
    """
    centered = vectors - vectors.mean(0)
    if np.abs(centered).max() < 1e-6:
        return np.zeros((len(vectors), 2)), 0.0  # one and the same vector
    _, values, directions = np.linalg.svd(centered, full_matrices=False)
    largest = np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], axis=1)
    directions = directions * np.where(largest < 0, -1.0, 1.0)
    return centered @ directions[:2].T, float((values[:2] ** 2).sum() / (values**2).sum())


# ---- Probes -----------------------------------------------------------------------------------------------------

Guess = Callable[[Array, Array, Array], Array]  # (training vectors, their labels, other vectors) -> labels


def majority(vectors: Array, labels: Array, others: Array) -> Array:
    """What most of the training examples are, without a look."""
    return np.full(len(others), int(labels.mean() > 0.5))


def nearest_mean(vectors: Array, labels: Array, others: Array) -> Array:
    """The class whose mean is nearer."""
    if len(set(labels.tolist())) < 2:
        return majority(vectors, labels, others)
    away = [((others - vectors[labels == label].mean(0)) ** 2).sum(1) for label in (0, 1)]
    if np.allclose(*away):
        return majority(vectors, labels, others)
    return (away[1] < away[0]).astype(int)


def linear_probe(vectors: Array, labels: Array, others: Array, *, penalty: float = PENALTY) -> Array:
    """Logistic regression with a penalty on its squared weights, by Newton's method; the offset is free."""
    if len(set(labels.tolist())) < 2:
        return majority(vectors, labels, others)
    center = vectors.mean(0)
    scale = float(np.sqrt(((vectors - center) ** 2).mean())) or 1.0
    x, other = (
        np.concatenate([(each - center) / max(scale, 1e-9), np.ones((len(each), 1))], axis=1)
        for each in (vectors, others)
    )
    return (other @ logistic_weights(x, labels, penalty=penalty) > 0).astype(int)


def logistic_weights(x: Array, labels: Array, *, penalty: float) -> Array:
    """(d,) that minimize the summed log-loss of x (n, d) plus penalty / 2 times their squares; the last one is free."""
    ridge = np.diag([*np.full(x.shape[1] - 1, penalty), 1e-6])
    weights = np.zeros(x.shape[1])
    for _ in range(12):
        p = 1 / (1 + np.exp(-(x @ weights).clip(-30, 30)))
        slope = x.T @ (p - labels) + ridge @ weights
        move = np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]) + ridge, slope)
        weights -= move
        if np.abs(move).max() < 1e-4:
            break
    return weights


GUESSES: dict[str, Guess] = {"majority": majority, "nearest mean": nearest_mean, "linear probe": linear_probe}


def random_folds(n: int, *, seed: int = 0, folds: int = FOLDS) -> Array:
    """(n,) which fold an example is tested in, by chance and evenly."""
    return np.random.default_rng(seed).permutation(np.arange(n) % folds)


def neighbor_folds(before: Sequence[str], *, folds: int = FOLDS) -> Array:
    """(n,) folds in which all examples with the same word before them are tested together, so none was trained on."""
    words, counts = np.unique(np.array(before), return_counts=True)
    sizes = np.zeros(folds, dtype=int)
    of_word = {}
    for i in np.argsort(-counts, kind="stable"):
        fold = int(sizes.argmin())
        of_word[str(words[i])] = fold
        sizes[fold] += counts[i]
    return np.array([of_word[word] for word in before])


def out_of_fold(guess: Guess, vectors: Array, labels: Array, folds: Array) -> Array:
    """(n,) what is guessed of each example by what learned from the other folds."""
    guessed = np.zeros(len(labels), dtype=int)
    for fold in np.unique(folds):
        held = folds == fold
        if (~held).any():
            guessed[held] = guess(vectors[~held], labels[~held], vectors[held])
    return guessed


def coins(before: Sequence[str], *, share: float, seed: int) -> Array:
    """(n,) the labels of the control task: heads or tails, thrown once for each word before.

    Since "the" is so common, one throw may decide most labels. So all coins are thrown `THROWS` times, and that throw
    counts whose most common label is nearest to `share`, that of the most common sense: both are as hard to guess.
    """
    words, of = np.unique(np.array(before), return_inverse=True)
    thrown = np.random.default_rng(seed).integers(2, size=(THROWS, len(words)))
    heads = thrown[:, of].mean(1)
    return thrown[np.abs(np.maximum(heads, 1 - heads) - share).argmin(), of]


def interval(hits: Array, groups: Sequence[object], *, seed: int = 0) -> list[float]:
    """Percent of hits (N,), and the ends of its 95 % interval, by drawing groups (sentences) anew."""
    index = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    of = np.array([index[group] for group in groups])
    sums, sizes = np.bincount(of, hits), np.bincount(of)
    drawn = np.random.default_rng(seed).multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=DRAWS)
    ends = np.quantile(drawn @ sums / (drawn @ sizes), (0.025, 0.975))
    return [round(100 * float(x), 1) for x in (hits.mean(), *ends)]


# ---- What is measured -------------------------------------------------------------------------------------------


def hits_of(found: Sequence[Occurrence], vectors: Array, guess: Guess, folding: str) -> tuple[Array, Array]:
    """(N,) for one layer's vectors (N, d): right about the sense, and share of the control's throws right.

    Each form has a probe of its own. folding: "sentence" or "neighbor".
    """
    senses, controls = np.zeros(len(found)), np.zeros(len(found))
    for form in FORMS:
        here = np.array([i for i, each in enumerate(found) if each.form == form])
        if not len(here):
            continue
        before = [found[i].before for i in here]
        labels = np.array([found[i].label for i in here])
        folds = random_folds(len(here)) if folding == "sentence" else neighbor_folds(before)
        senses[here] = out_of_fold(guess, vectors[here], labels, folds) == labels
        for seed in range(CONTROLS):
            thrown = coins(before, share=max(labels.mean(), 1 - labels.mean()), seed=seed)
            controls[here] += (out_of_fold(guess, vectors[here], thrown, folds) == thrown) / CONTROLS
    return senses, controls


def measure(translator: Translator) -> dict[str, Any]:
    """Everything that the log keeps."""
    found = occurrences()
    vectors = word_vectors(translator, found)
    sentences = [each.pair.source for each in found]
    rows = []
    probed = np.zeros(len(found))
    for layer, name in enumerate(LAYERS):
        for folding in ("sentence", "neighbor"):
            for called, guess in GUESSES.items():
                senses, controls = hits_of(found, vectors[:, layer], guess, folding)
                rows.append({
                    "layer": name, "folds": folding, "guess": called, "sense": interval(senses, sentences),
                    "control": interval(controls, sentences), "selectivity": interval(senses - controls, sentences),
                })  # fmt: skip
                if (called, folding) == ("linear probe", "sentence"):
                    probed = senses  # of the last layer, in the end
    return {
        "occurrences": [
            {"form": form, "sense": sense, "n": sum(e.form == form and e.sense == sense for e in found),
             "words before": len({e.before for e in found if e.form == form})}
            for form in FORMS for sense in FORMS[form]
        ],
        "rows": rows,
        "by_form": by_form(found, vectors),
        "written": written(translator, found, probed.astype(bool)),
        "clouds": clouds(found, vectors),
    }  # fmt: skip


def by_form(found: Sequence[Occurrence], vectors: Array) -> list[dict[str, Any]]:
    """The linear probe of each form at each layer, folds by sentence: right, of so many, and the most common sense."""
    rows = []
    for form in FORMS:
        here = [i for i, each in enumerate(found) if each.form == form]
        labels = np.array([found[i].label for i in here])
        folds = random_folds(len(here))
        hits = [
            int((out_of_fold(linear_probe, vectors[here, at], labels, folds) == labels).sum())
            for at in range(len(LAYERS))
        ]
        rows.append({"form": form, "n": len(here), "majority": int(max(labels.sum(), len(here) - labels.sum())),
                     "right": hits})  # fmt: skip
    return rows


def says(text: str, form: str, sense: str) -> bool:
    """Whether a German sentence has the word of this sense."""
    return any(part in text for part in FORMS[form][sense])


def right_word(each: Occurrence, text: str) -> bool:
    """Whether a translation has the word of the sense that is meant, and the other one only where it belongs."""
    (other,) = set(FORMS[each.form]) - {each.sense}
    strange = says(text, each.form, other) and not says(each.pair.target, each.form, other)
    return says(text, each.form, each.sense) and not strange


def written(translator: Translator, found: Sequence[Occurrence], probed: Array) -> dict[str, Any]:
    """How often the right word is written (greedily), beside what the last layer's probe (N,) was right about."""
    texts = [each.text for each in translator.translate([each.pair.source for each in found], beam=1)]
    right = np.array([right_word(each, text) for each, text in zip(found, texts, strict=True)])
    table = [[int((right[probed == p] == w).sum()) for w in (True, False)] for p in (True, False)]
    wrong = [[each.form, each.sense, each.pair.source, text]
             for each, text, good in zip(found, texts, right, strict=True) if not good]  # fmt: skip
    return {"right": interval(right, [e.pair.source for e in found]), "probe_by_word": table, "wrong": wrong[:12]}


def clouds(found: Sequence[Occurrence], vectors: Array) -> dict[str, Any]:
    """For each form and layer the places of its occurrences in the plane, scaled to a largest distance of 1."""
    drawn = {}
    for form in FORMS:
        here = [i for i, each in enumerate(found) if each.form == form]
        layers = []
        for at in range(len(LAYERS)):
            places, share = plane(vectors[here, at])
            size = float(np.abs(places).max()) or 1.0
            layers.append({"share": round(share, 3), "places": (places / size).round(3).tolist()})
        drawn[form] = {"labels": [found[i].label for i in here], "layers": layers}
    return drawn


# ---- The log ----------------------------------------------------------------------------------------------------


@functools.cache
def read_senses(folder: Path = LOGS) -> dict[str, Any]:
    """What was measured and kept."""
    kept: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return kept


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and keep the log."""
    from course.pretrained import pretrained_translator

    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_13.senses", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--to", type=Path, default=LOGS, help="the folder of the log")
    folder = parser.parse_args(arguments).to
    kept = measure(pretrained_translator("en-de"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(kept, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    for row in kept["rows"]:
        print(row)
    print(kept["written"], kept["by_form"], sep="\n")


if __name__ == "__main__":
    main()
