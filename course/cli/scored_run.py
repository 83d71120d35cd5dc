"""`course evaluate` on one text: a run's translations, their scores, and whether two runs differ. Loads torch."""

import argparse
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from course.cli.loaded_run import load_translator
from course.data import ParallelText, load_corpus, read_parallel
from course.data.corpora import scored_split
from course.data.inspection import language_of, look_swapped, oddities, refuse_copies
from course.data.table import read_pairs
from course.errors import CourseError
from course.scoring import confidence_interval, paired_bootstrap, score
from course.translator import Translator


@dataclass(frozen=True)
class ScoredRun:
    """What a run made of a text. report: scores, speed and how they came about, as --json prints them."""

    text: ParallelText
    translations: list[str]
    report: dict[str, Any]


def score_run(options: argparse.Namespace, run: Path) -> ScoredRun:
    """Translate the text that the options name with one run, and score it."""
    translator = load_translator(run, options.threads, which=options.checkpoint)
    text, what = _test_text(options, run, translator.info)
    start = time.perf_counter()
    lines = _translations(options, translator, text)
    seconds = time.perf_counter() - start
    tokens = sum(len(ids) + 1 for ids in translator.tokenizer.encode_all(lines))  # with the end token
    about = {"run": str(run), "split": what, "beam": options.beam, "length_penalty": options.length_penalty}
    speed = {"seconds": round(seconds, 3), "tokens_per_second": round(tokens / seconds, 1)}
    return ScoredRun(text, lines, about | _scores(lines, text, lowercase=options.lowercase) | speed)


def _translations(options: argparse.Namespace, translator: Translator, text: ParallelText) -> list[str]:
    """One translation of each source, with a bar where somebody watches."""
    with tqdm(total=len(text), unit=" sentences", leave=False, disable=not sys.stderr.isatty()) as bar:
        found = translator.translate(
            text.source,
            beam=options.beam,
            length_penalty=options.length_penalty,
            batch_size=options.batch_size,
            progress=bar.update,
            keep_empty=True,
        )
    return [translation.text for translation in found]


def _scores(lines: list[str], text: ParallelText, *, lowercase: bool) -> dict[str, Any]:
    scores = asdict(score(lines, text.target, lowercase=lowercase))
    interval = confidence_interval(lines, text.target, lowercase=lowercase)
    return scores | {"bleu_interval_95": list(interval), "lowercase": lowercase}


def _test_text(options: argparse.Namespace, run: Path, info: dict[str, Any]) -> tuple[ParallelText, str]:
    """The sentences to score on, and what to call them.

    An empty source line stays, with an empty translation, as other systems do and sacreBLEU's files have it: without
    it, scores on the same files could not be compared.
    """
    corpus = info.get("corpus") or {}
    if options.source or options.reference:
        text, what = _own_files(options)
    else:
        name = corpus.get("name")
        if not name:
            raise no_splits(run)
        what = options.split or scored_split(name)
        text = load_corpus(name, what)
    text = text.chosen(range(len(text))[: options.limit], split=text.split)
    if not any(text.source):
        raise CourseError(f"{what} has nothing to translate: all its {len(text):,} lines are empty.")
    if run == options.run:  # once, where two are compared
        trained_on = ["the run was trained on these sentences, so its scores say little"] if what == "train" else []
        _say_found(text, what, [*_about_files(options, corpus), *oddities(text)] if options.source else trained_on)
    return text, what


def no_splits(run: Path) -> CourseError:
    """Say that a run on somebody's own files knows no test text."""
    return CourseError(f"{run} was trained on files, so it has no splits: give --source and --reference.")


def _own_files(options: argparse.Namespace) -> tuple[ParallelText, str]:
    """Two files, or one with a tab between sentence and translation."""
    if options.split:
        raise CourseError(f"give either --split or --source and --reference, not both: --split is {options.split}.")
    if not options.source:
        raise CourseError("--reference needs --source, the sentences that it has the translations of.")
    if options.reference:
        text = read_parallel(options.source, options.reference)
    else:
        text = read_pairs(options.source, partner="--reference", every_row=True)
    refuse_copies(text)
    return text, options.source.name


def _about_files(options: argparse.Namespace, corpus: dict[str, Any]) -> list[str]:
    """What the names of the files say: that the run was trained on them, or that they are swapped."""
    found: list[str] = []
    trained = [Path(corpus[side]) for side in ("source", "target") if side in corpus]
    if options.source.resolve() in trained:
        found.append("the run was trained on this file, so its scores say little")
    languages = (corpus.get("source_language", ""), corpus.get("target_language", ""))
    if len(trained) == 2:
        languages = (language_of(trained[0]), language_of(trained[1]))
    if options.reference and look_swapped(options.source, options.reference, languages=languages):
        found.append(f"the run translates {languages[0]} into {languages[1]}, but the files look swapped")
    return found


def _say_found(text: ParallelText, what: str, found: list[str]) -> None:
    """One line on standard error about all that is odd and may move the scores; none where nothing is."""
    found = [*found, *text.notes]
    empty, unanswered = text.source.count(""), text.target.count("")
    if empty:
        found.append(f"{empty:,} of {len(text):,} source lines are empty and get an empty translation")
    if unanswered:
        found.append(f"{unanswered:,} of {len(text):,} references are empty")
    if found:
        print(f"course: {what}: {'; '.join(found)}.", file=sys.stderr)


def table(report: dict[str, Any]) -> str:
    """A report as lines for a person."""
    low, high = report["bleu_interval_95"]
    rows = {
        "run": report["run"],
        "split": f"{report['split']}, {report['sentences']:,} sentences",
        "BLEU": f"{report['bleu']:.2f}   (95 % of bootstrap resamples: {low:.2f} to {high:.2f})",
        "chrF2": f"{report['chrf']:.2f}",
        "exact match": f"{report['exact_match']:.2f} %",
        "time": f"{report['seconds']:.1f} s, {report['tokens_per_second']:,.0f} tokens a second, beam {report['beam']}",
        "BLEU signature": report["signature"],
        "chrF2 signature": report["chrf_signature"],
    }
    return "\n".join(f"{name:<16} {value}" for name, value in rows.items())


def compare_runs(options: argparse.Namespace) -> dict[str, Any]:
    """Paired bootstrap: the same sentences through both runs. "a" and "b" hold their reports."""
    a, b = (score_run(options, run) for run in (options.run, options.compare))
    if (a.text.source, a.text.target) != (b.text.source, b.text.target):
        raise CourseError(
            f"{a.report['run']} and {b.report['run']} translate different texts, so they cannot be compared."
        )
    found = paired_bootstrap(a.translations, b.translations, a.text.target, lowercase=options.lowercase)
    return asdict(found) | {"a": a.report, "b": b.report}


def verdict(found: dict[str, Any]) -> str:
    """Whether two runs differ, in one sentence."""
    low, high = found["interval"]
    sure = "a difference" if found["p_value"] < 0.05 else "no difference shown: it may be chance"
    return (
        f"B minus A: {found['delta']:+.2f} BLEU, 95 % interval {low:+.2f} to {high:+.2f}, p = {found['p_value']:.3f} "
        f"(paired bootstrap, 1,000 resamples): {sure}."
    )
