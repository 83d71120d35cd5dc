"""What `course translate` prints for a sentence: translations that are searched for or drawn, and where they looked.

Importing this file loads torch.
"""

import argparse
from collections.abc import Callable
from contextlib import suppress

import torch

from course.decoding import sample
from course.errors import CourseError
from course.translator import Translator, render_attention

Texts = list[tuple[str, float]]  # one sentence's translations, best first, each with its score
Answer = Callable[[list[str]], list[Texts]]


def searcher(options: argparse.Namespace, translator: Translator) -> Answer:
    """Beam search, as the options say."""

    def search(sentences: list[str]) -> list[Texts]:
        found = translator.translate(
            sentences,
            beam=options.beam,
            length_penalty=options.length_penalty,
            n_best=options.n_best,
            batch_size=options.batch_size,
            keep_empty=True,
        )
        return [[(_one_line(text), score) for text, score in translation.n_best] for translation in found]

    return search


def sampler(options: argparse.Namespace, translator: Translator) -> Answer:
    """Draw translations; one stream of random numbers for all that is translated."""
    generator = torch.Generator()
    generator.seed() if options.seed is None else generator.manual_seed(options.seed)
    given = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p")}
    chosen = {name: value for name, value in given.items() if value is not None}

    def draw(sentences: list[str]) -> list[Texts]:
        answers = []
        for ids in translator.source_ids(sentences, keep_empty=True):
            if not ids:
                answers.append([("", 0.0)])
                continue
            src = torch.tensor([ids])
            limit = min(3 * src.shape[1] // 2 + 10, translator.model.config.max_len)
            drawn = sample(translator.model, src, max_len=limit, generator=generator, **chosen)[0]
            answers.append([(_one_line(translator.tokenizer.decode(drawn.ids)), drawn.score)])
        return answers

    return draw


def _one_line(text: str) -> str:
    """A translation never takes two lines, so that line n of the output belongs to line n of the input."""
    return " ".join(text.splitlines())


def attention_lines(translator: Translator, sentence: str, translation: str) -> list[str]:
    """Attention along the printed text; along the model's own pieces where that text is empty or grew too long.

    The pieces of an untrained model may be no letters, and such text has other and more pieces when it is read again.
    """
    with suppress(CourseError):
        return render_attention(translator.attention(sentence, translation)).splitlines()
    return render_attention(translator.attention(sentence)).splitlines()
