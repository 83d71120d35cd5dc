"""`course translate`: sentences of the command line or of standard input, translated."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from course.cli.decoding_options import add_decoding_options
from course.cli.options import Parser, flag, reader
from course.data.sentence import as_sentence
from course.data.text_file import text_lines
from course.errors import CourseError
from course.pretrained import run_folder, strange_words, with_near_words

UNKNOWN_WORDS_SHOWN = 5  # of those that the shipped translators do not know


def add_options(parser: Parser) -> None:
    """The sentences, the translator, and how it decodes."""
    parser.add_argument(
        "sentences", nargs="*", metavar="SENTENCE", help="what to translate; none: lines of standard input"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", type=Path, metavar="RUN", help="the folder of a trained run")
    which.add_argument("--to", choices=["de", "fr"], help="the language, with a translator that ships (de)")
    parser.add_argument("--n-best", type=reader(int, minimum=1), default=1, metavar="N", help="print N, with scores")
    parser.add_argument("--show-attention", action="store_true", help="print where each word looked")
    add_decoding_options(parser)
    sampling = parser.add_argument_group("sampling, instead of beam search")
    sampling.add_argument("--sample", action="store_true", help="draw every token at random")
    sampling.add_argument("--temperature", type=reader(float), metavar="X", help="below 1: more certain (1)")
    sampling.add_argument("--top-k", type=reader(int), metavar="K", help="only the K most probable tokens")
    sampling.add_argument("--top-p", type=reader(float), metavar="P", help="only the most probable, up to P together")
    sampling.add_argument("--seed", type=reader(int, minimum=0), metavar="N", help="same seed, same translations")
    parser.set_defaults(action=_translate, parser=parser)


def _translate(options: argparse.Namespace) -> None:
    """Print each sentence's translations. Decoding is imported here: it loads torch, and help should not wait."""
    _check(options)
    from course.cli.loaded_run import load_translator
    from course.cli.translations import attention_lines, sampler, searcher
    from course.translator import NO_ATTENTION

    run = options.model or run_folder(f"en-{options.to or 'de'}")
    translator = load_translator(run, options.threads, which=options.checkpoint)
    if options.show_attention and not translator.attention_layers:
        raise CourseError(f"{NO_ATTENTION} Leave out --show-attention.")
    answer = sampler(options, translator) if options.sample else searcher(options, translator)
    for sentences in _inputs(options):
        if options.model is None:
            _warn_of_unknown_words(sentences)
        for sentence, best in zip(sentences, answer(sentences), strict=True):
            for text, score in best:
                print(text if options.n_best == 1 or not as_sentence(sentence) else f"{score:.4f}\t{text}", flush=True)
            if options.show_attention and as_sentence(sentence):
                lines = attention_lines(translator, sentence, best[0][0])
                print(*(f"    {line}" for line in lines), "", sep="\n", flush=True)


def _check(options: argparse.Namespace) -> None:
    for name in ("temperature", "top_k", "top_p", "seed"):
        if getattr(options, name) is not None and not options.sample:
            raise CourseError(f"{flag(name)} is for sampling: add --sample, or leave it out.")
    if options.sample and options.n_best > 1:
        raise CourseError(f"--n-best {options.n_best} is for beam search: leave out one of --n-best and --sample.")
    if options.n_best > options.beam:
        raise CourseError(f"--n-best {options.n_best} needs a beam at least as wide, but --beam is {options.beam}.")


def _warn_of_unknown_words(sentences: Sequence[str]) -> None:
    """The shipped translators know few words; a guess at others is nonsense, and the reader should know why."""
    found = dict.fromkeys(word for sentence in sentences for word in strange_words(sentence))
    if not found:
        return
    # Looking for near words takes time, and a reader has had enough of them after a few.
    shown = ", ".join(str(with_near_words(word)) for word in [*found][:UNKNOWN_WORDS_SHOWN])
    more = f" and {len(found) - UNKNOWN_WORDS_SHOWN:,} more words" if len(found) > UNKNOWN_WORDS_SHOWN else ""
    print(
        f"course: the translator that ships with the course does not know {shown}{more}; "
        "expect nonsense there, or train one on your own text.",
        file=sys.stderr,
    )


def _inputs(options: argparse.Namespace) -> Iterator[list[str]]:
    """The sentences of the command line, or of standard input: each line at once from a keyboard, else all together."""
    if options.sentences:
        for number, sentence in enumerate(options.sentences, 1):
            if not as_sentence(sentence):
                which = f"sentence {number}" if len(options.sentences) > 1 else "the sentence"
                raise CourseError(
                    f"{which} is empty, or nothing in it can be seen: give some text between the quotation marks."
                )
        yield list(options.sentences)
    elif sys.stdin.isatty():
        print("One sentence a line; an empty line ends.", file=sys.stderr)
        for line in sys.stdin:
            if not as_sentence(line):
                return
            yield [line]
    else:
        yield _piped_lines()


def _piped_lines() -> list[str]:
    """All lines of standard input, as UTF-8 whatever the system's code page; an empty line stays an empty line."""
    found = text_lines(sys.stdin.buffer.read(), "standard input")
    if not any(map(as_sentence, found.lines)):
        raise CourseError("there is nothing to translate: give a sentence, or lines on standard input.")
    if found.notes:
        print(f"course: {'; '.join(found.notes)}.", file=sys.stderr)
    return list(found.lines)
