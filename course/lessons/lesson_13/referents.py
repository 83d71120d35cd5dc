"""What "it" and "that country" look at: whether attention shows the word that they stand for, and what happens without.

    python -m course.lessons.lesson_13.referents

keeps what it measures in logs/referents.json. The gold antecedents come from the meaning trees: a pronoun there names
the noun that it stands for. Only "it" is asked about, since its German gender (er, sie, es) depends on that noun; that
of "he" and "she" is plain to see. Imports torch where the translator is asked.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course.alignment import every_word_attention, owners
from course.data import embedded_pairs
from course.data.embedded import Pair
from course.data.grammar.meaning import Name, NounPhrase, Pronoun, walk
from course.data.grammar.tokens import Token
from course.lessons.lesson_13.senses import interval
from course.scoring import proportion_interval

if TYPE_CHECKING:
    from course.lessons.lesson_13.editing import Edits
    from course.translator import Translator

Array = NDArray[Any]

LOGS = Path(__file__).parent / "logs"
FILE = "referents.json"
CORPUS = "embedded-en-de"
COUNTRIES = ("France", "Germany", "Italy")
GENDERS = {"er": "m", "ihn": "m", "ihm": "mn", "sie": "f", "ihr": "f", "es": "n"}
PRONOUNS = tuple(GENDERS)
BUCKETS = ((2, 3), (4, 5), (6, 7), (8, 99))  # words from the noun to the pronoun
CHOSEN_ON = 2500  # training sentences on which the best heads are chosen; they are measured on others
UNSEEN = ("dev", "test_iid", "combo", "role", "longer", "much_longer", "anaphora")
VIEWS = ("encoder", "decoder", "cross")


# ---- Gold -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reference:
    """A word and the noun before it that it stands for, as places among the words of both languages.

    asking, noun: of the source. nouns: all nouns and names before `asking`, left to right, `noun` among them.
    german: of the target, the same three; the first is None where German says it otherwise ("darauf").
    """

    pair: Pair
    asking: int
    noun: int
    nouns: tuple[int, ...]
    german: tuple[int | None, int, tuple[int, ...]]

    @property
    def distance(self) -> int:
        """Words from the noun to what stands for it; 1 for its neighbor. Punctuation does not count."""
        between = self.pair.source_tokens[self.noun : self.asking]
        return sum(any(map(str.isalnum, token.text)) for token in between)

    @property
    def word(self) -> str:
        """What German writes for it; "" where it is none of `PRONOUNS`."""
        return "" if self.german[0] is None else self.pair.target_tokens[self.german[0]].text

    @property
    def nearest(self) -> bool:
        """Whether it is the nearest noun that is meant."""
        return self.noun == self.nouns[-1]


def references(pair: Pair, word: str = "it") -> list[Reference]:
    """Where a pair says "it" of a noun before, or "that country" (word "country") of a country named before."""
    assert pair.meaning is not None
    nodes = list(walk(pair.meaning))
    ids = {node.noun.id: node.noun.lemma for node in nodes if isinstance(node, NounPhrase)}
    ids |= {node.id: node.lemma for node in nodes if isinstance(node, Name)}
    found = []
    for asking, lemmas in _asking(nodes, word):
        source, target = _nouns(pair.source_tokens, ids), _nouns(pair.target_tokens, ids)
        at, there = _place(pair.source_tokens, asking), _place(pair.target_tokens, asking)
        before = [i for i in source if i < at] if at is not None else []
        meant = [i for i in before if source[i] in lemmas]
        if at is None or pair.source_tokens[at].text != word or len(meant) != 1:
            continue  # not said so, not said before, or said twice
        german = [j for j in target if there is None or j < there]
        nouns_there = [j for j in german if target[j] in lemmas]
        if len(nouns_there) == 1:
            plain = there if there is not None and pair.target_tokens[there].text in PRONOUNS else None
            found.append(Reference(pair, at, meant[0], tuple(before), (plain, nouns_there[0], tuple(german))))
    return found


def _asking(nodes: Sequence[Any], word: str) -> list[tuple[int, tuple[str, ...]]]:
    """Ids of what stands for something, each with the keys of what it may stand for."""
    if word == "it":
        return [(node.id, (node.antecedent,)) for node in nodes if isinstance(node, Pronoun) and node.antecedent]
    phrases = [node for node in nodes if isinstance(node, NounPhrase) and node.noun.lemma == "country"]
    return [(n.noun.id, COUNTRIES) for n in phrases if n.determiner is not None and n.determiner.lemma == "that"]


def _nouns(tokens: Sequence[Token], ids: dict[int, str]) -> dict[int, str]:
    return {i: ids[number] for i, token in enumerate(tokens) for number in token.ids if number in ids}


def _place(tokens: Sequence[Token], number: int) -> int | None:
    return next((i for i, token in enumerate(tokens) if number in token.ids), None)


def all_references(splits: Iterable[str], word: str = "it", *, limit: int | None = None) -> list[Reference]:
    """Those of all pairs of some splits."""
    return [found for split in splits for pair in embedded_pairs(CORPUS, split)[:limit]
            for found in references(pair, word)]  # fmt: skip


# ---- What is looked at --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Looks:
    """Where one word looks, in every head of one attention.

    weights: (L, H, nouns) on each noun before; meant: which of them it stands for. itself: (L, H) on the source's
    pronoun (cross-attention; elsewhere 0).
    """

    weights: Array
    meant: int
    itself: Array


def looks(translator: Translator, reference: Reference) -> dict[str, Looks]:
    """The three attentions of one reference. Those of the decoder are of the moment when German writes the pronoun."""
    every = every_word_attention(translator, reference.pair.source_tokens, reference.pair.target_tokens)
    assert every.encoder is not None
    assert every.decoder is not None
    assert every.cross is not None
    there, noun, nouns = reference.german
    meant = reference.nouns.index(reference.noun)
    inside = every.encoder[:, :, reference.asking]
    found = {"encoder": Looks(inside[..., list(reference.nouns)], meant, np.zeros(inside.shape[:2]))}
    if there is not None:
        own, across = every.decoder[:, :, there], every.cross[:, :, there]
        given = [j + 1 for j in nouns]  # behind the begin token
        found["decoder"] = Looks(own[..., given], nouns.index(noun), np.zeros(own.shape[:2]))
        found["cross"] = Looks(across[..., list(reference.nouns)], meant, across[..., reference.asking])
    return found


def heads_table(found: Sequence[Looks], sentences: Sequence[str]) -> list[dict[str, Any]]:
    """For each head: percent of all weight on the noun that is meant, and how often it has the most of all nouns."""
    rows = []
    layers, heads = found[0].weights.shape[:2]
    choice = [i for i, each in enumerate(found) if each.weights.shape[-1] > 1]
    names = [sentences[i] for i in choice]
    for layer in range(layers):
        for head in range(heads):
            weight = np.array([each.weights[layer, head, each.meant] for each in found])
            first = np.array([found[i].weights[layer, head].argmax() == found[i].meant for i in choice], dtype=float)
            itself = np.array([each.itself[layer, head] for each in found])
            rows.append({"layer": layer, "head": head, "weight": interval(weight, sentences),
                         "first": interval(first, names), "itself": interval(itself, sentences)})  # fmt: skip
    return rows


def baselines(found: Sequence[Reference]) -> dict[str, Any]:
    """How often one would find the noun among two or more without a look: by chance, or as the nearest or first."""
    choice = [each for each in found if len(each.nouns) > 1]
    names = [each.pair.source for each in choice]
    of = {
        "chance": [1 / len(each.nouns) for each in choice],
        "nearest": [float(each.nearest) for each in choice],
        "first": [float(each.noun == each.nouns[0]) for each in choice],
    }
    return {"n": len(found), "n_choice": len(choice)} | {k: interval(np.array(v), names) for k, v in of.items()}


# ---- What is written ----------------------------------------------------------------------------------------------


def pronouns_right(translator: Translator, found: Sequence[Reference], edits: Edits | None = None) -> Array:
    """(N,) whether the German pronoun is the most probable piece, behind the right words before it."""
    said = pronouns_said(translator, found, edits)
    return np.array([word == each.word for word, each in zip(said, found, strict=True)])


def pronouns_said(translator: Translator, found: Sequence[Reference], edits: Edits | None = None) -> list[str]:
    """The piece that is said in the place of each German pronoun, behind the right words before it."""
    import torch

    from course.data import make_batch
    from course.lessons.lesson_13.editing import NOTHING, edited, transformer_of
    from course.model import padding_mask
    from course.special import PAD

    model, tokenizer = transformer_of(translator), translator.tokenizer
    examples = [(tokenizer.encode(each.pair.source), tokenizer.encode(each.pair.target)) for each in found]
    said = [""] * len(found)
    order = sorted(range(len(found)), key=lambda i: len(examples[i][0]))
    for start in range(0, len(order), 64):
        group = order[start : start + 64]
        batch = make_batch([examples[i] for i in group])
        with torch.inference_mode(), edited(model, edits or NOTHING):
            logits = model(batch.src, batch.tgt_in, src_mask=padding_mask(batch.src, pad=PAD))
        for row, i in enumerate(group):
            of = owners(tokenizer.byte_lengths(examples[i][1]), found[i].pair.target_tokens)
            place = of.index(found[i].german[0])  # type: ignore[arg-type]
            said[i] = tokenizer.decode([int(logits[row, place].argmax())]).strip()
    return said


def what_went_wrong(said: Sequence[str], found: Sequence[Reference]) -> dict[str, int]:
    """Of wrong pronouns, how many have another gender, the right gender in another case, or are no such pronoun."""
    counts = {"right": 0, "gender": 0, "case": 0, "no pronoun": 0}
    for word, each in zip(said, found, strict=True):
        if word == each.word:
            counts["right"] += 1
        elif word not in GENDERS:
            counts["no pronoun"] += 1
        else:
            counts["case" if set(GENDERS[word]) & set(GENDERS[each.word]) else "gender"] += 1
    return counts


def share(right: Array) -> list[float]:
    """Percent right, the ends of its 95 % interval (Wilson), and of how many."""
    low, high = proportion_interval(int(right.sum()), len(right))
    return [round(100 * float(right.mean()), 1), round(low, 1), round(high, 1), len(right)]


def switched_off(translator: Translator, found: Sequence[Reference]) -> list[dict[str, Any]]:
    """Percent of pronouns right with each head off, and with all heads of an attention off; most harm first."""
    from course.lessons.lesson_13.editing import Edits, heads_of, transformer_of

    heads = heads_of(transformer_of(translator))
    rows = [
        {"off": [h.kind, h.layer, h.head], "right": share(pronouns_right(translator, found, Edits(frozenset({h}))))}
        for h in heads
    ]
    for kind, layer in dict.fromkeys((h.kind, h.layer) for h in heads):
        group = frozenset(h for h in heads if (h.kind, h.layer) == (kind, layer))
        rows.append({"off": [kind, layer, -1], "right": share(pronouns_right(translator, found, Edits(group)))})
    return sorted(rows, key=lambda row: row["right"][0])


# ---- All of it ----------------------------------------------------------------------------------------------------


def best_heads(translator: Translator, found: Sequence[Reference], views: Sequence[str] = VIEWS) -> dict[str, Any]:
    """In each attention the layer and head whose weight on the noun that is meant is largest."""
    looked = [looks(translator, each) for each in found]
    best = {}
    for view in views:
        mean = np.mean([each[view].weights[..., each[view].meant] for each in looked if view in each], axis=0)
        best[view] = [int(i) for i in np.unravel_index(int(mean.argmax()), mean.shape)]
    return best


def by_distance(found: Sequence[Reference], looked: Sequence[dict[str, Looks]], best: dict[str, Any],
                right: Array) -> list[dict[str, Any]]:  # fmt: skip
    """For each of `BUCKETS`: pronouns right, and percent of weight that the best heads put on the noun."""
    rows = []
    for least, most in BUCKETS:
        here = [i for i, each in enumerate(found) if least <= each.distance <= most]
        if not here:
            continue
        names = [found[i].pair.source for i in here]
        row: dict[str, Any] = {"words": [least, most], "n": len(here), "right": share(right[here])}
        for view, (layer, head) in best.items():
            each = [looked[i][view] for i in here]
            row[view] = interval(np.array([one.weights[layer, head, one.meant] for one in each]), names)
            choice = [k for k, one in enumerate(each) if one.weights.shape[-1] > 1]
            hits = np.array([each[k].weights[layer, head].argmax() == each[k].meant for k in choice], dtype=float)
            row[f"{view}_first"] = interval(hits, [names[k] for k in choice]) if choice else None
        nearest = [float(found[i].nearest) for i in here if len(found[i].nouns) > 1]
        row["nearest"] = round(100 * float(np.mean(nearest)), 1) if nearest else None
        row["n_choice"] = len(nearest)
        rows.append(row)
    return rows


def measure(translator: Translator) -> dict[str, Any]:
    """Everything that the log keeps."""
    from course.lessons.lesson_13.editing import Edits, Head

    chosen_on = _written(all_references(("train",), limit=CHOSEN_ON))
    best = best_heads(translator, chosen_on)
    found = _written(all_references(UNSEEN))
    looked = [looks(translator, each) for each in found]
    names = [each.pair.source for each in found]
    right = pronouns_right(translator, found)
    countries = all_references(("train", *UNSEEN), "country")
    at_country = [looks(translator, each)["encoder"] for each in countries]
    words = np.array([each.word for each in found])
    said = pronouns_said(translator, found, Edits(frozenset({Head("encoder", *best["encoder"])})))
    without = np.array(said) == words
    off = switched_off(translator, found)
    second = next(
        row["off"] for row in off if row["off"][0] == "encoder" and row["off"][2] not in (-1, best["encoder"][1])
    )
    said_second = pronouns_said(translator, found, Edits(frozenset({Head(*second)})))
    return {
        "it": {
            "chosen_on": len(chosen_on), "best": best, "baselines": baselines(found), "right": share(right),
            "heads": {view: heads_table([each[view] for each in looked], names) for view in VIEWS},
            "by_distance": by_distance(found, looked, best, right),
            "by_word": {word: share(right[words == word]) for word in PRONOUNS if word in words},
            "without_best": {
                "by_word": {word: share(without[words == word]) for word in PRONOUNS if word in words},
                "one noun": share(without[[len(e.nouns) == 1 for e in found]]),
                "two or more": share(without[[len(e.nouns) > 1 for e in found]]),
                "wrong": what_went_wrong(said, found),
            },
            "without_second": {"off": second, "wrong": what_went_wrong(said_second, found),
                               "word_before": word_before(translator, found, second)},
            "by_place": {"nearest": share(right[[e.nearest for e in found]]),
                         "another is nearer": share(right[[not e.nearest for e in found]])},
            "off": off,
        },
        "country": {
            "baselines": baselines(countries),
            "heads": {"encoder": heads_table(at_country, [each.pair.source for each in countries])},
            "distances": sorted({each.distance for each in countries}),
        },
    }  # fmt: skip


def word_before(translator: Translator, found: Sequence[Reference], head: Sequence[Any]) -> list[float]:
    """Percent of weight that a head of the encoder puts from "it" on the word before it, with its interval."""
    kept = []
    for each in found:
        encoder = every_word_attention(translator, each.pair.source_tokens, each.pair.target_tokens).encoder
        assert encoder is not None
        kept.append(encoder[head[1], head[2], each.asking, each.asking - 1])
    return interval(np.array(kept), [each.pair.source for each in found])


def _written(found: Iterable[Reference]) -> list[Reference]:
    """Those for which German writes one of `PRONOUNS`."""
    return [each for each in found if each.german[0] is not None]


@functools.cache
def read_referents(folder: Path = LOGS) -> dict[str, Any]:
    """What was measured and kept."""
    kept: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return kept


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and keep the log."""
    from course.pretrained import pretrained_translator

    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_13.referents", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--to", type=Path, default=LOGS, help="the folder of the log")
    folder = parser.parse_args(arguments).to
    kept = measure(pretrained_translator("en-de"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(kept, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    for part in (
        "baselines",
        "right",
        "best",
        "by_distance",
        "by_word",
        "by_place",
        "off",
        "without_best",
        "without_second",
    ):
        print(part, kept["it"][part])
    print(kept["country"]["baselines"], *kept["country"]["heads"]["encoder"], sep="\n")


if __name__ == "__main__":
    main()
