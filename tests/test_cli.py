"""The command line as a person meets it: exit codes, one clear sentence for bad input, and a run from text to score."""

import dataclasses
import gzip
import hashlib
import importlib
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sacrebleu

from course.cli import main
from course.cli.command_line import COMMANDS
from course.cli.options import Parser, add_settings, settings_of
from course.data.embedded import SPLITS
from course.errors import CourseError
from course.training import PRESETS

TINY = [
    *("--d-model", "16", "--n-heads", "2", "--d-ff", "32", "--n-encoder-layers", "1", "--n-decoder-layers", "1"),
    *("--vocab-size", "300", "--max-len", "64", "--batch-tokens", "200", "--validations", "1"),
    *("--validation-sentences", "3", "--precision", "float32", "--threads", "1", "--log-every", "10"),
]
WHO = {"the dog": "der Hund", "a cat": "eine Katze", "the girl": "das Mädchen", "a man": "ein Mann"}
WHAT = {"sleeps": "schläft", "runs": "läuft", "sees the sea": "sieht das Meer", "eats bread": "ißt Brot"}
WHEN = {"today": "heute", "now": "jetzt", "there": "dort", "here": "hier", "again": "wieder", "alone": "allein"}


def pairs():
    """96 made-up sentence pairs."""
    for who, wer in WHO.items():
        for what, was in WHAT.items():
            for when, wann in WHEN.items():
                yield f"{who} {what} {when}.", f"{wer} {was} {wann}."


def write(path: Path, lines) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")
    return path


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Two aligned files."""
    folder = tmp_path_factory.mktemp("texts")
    source, target = zip(*pairs(), strict=True)
    return write(folder / "some.en", source), write(folder / "some.de", target)


@pytest.fixture(scope="module")
def run(texts, tmp_path_factory):
    """A trained run, made by the command itself. Never change it: copy it."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    source, target = map(str, texts)
    assert main(["train", "--source", source, "--target", target, "--steps", "20", "--out", str(out), *TINY]) == 0
    return out


@pytest.fixture
def own_run(run, tmp_path):
    """A copy of the run that a test may damage."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in run.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def command(*arguments, **options):
    """`python -m course ...` in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "course", *map(str, arguments)],
        capture_output=True, timeout=120, env=environment, **options,
    )  # fmt: skip


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def refused(capsys):
    """Run a command that must be refused; return its one sentence."""

    def refuse(*arguments, code=2) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == code
        said = capsys.readouterr()
        assert said.out == "" or arguments[0] in ("train", "data")  # these say what they do before they can fail
        assert said.err.startswith("course: ")
        assert said.err.endswith(".\n")
        assert said.err.count("\n") == 1
        return said.err

    return refuse


@pytest.fixture
def printed(capsys):
    """Run a command that must work; return what it printed."""

    def run_it(*arguments) -> str:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert (code, said.err if code else "") == (0, "")
        return said.out

    return run_it


# --- from text to score


def test_training_leaves_a_run_that_says_what_it_was_made_from(run, texts):
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert info["model"]["d_model"] == 16
    assert info["training"]["max_steps"] == 20
    assert info["training"]["minutes"] is None  # the preset's ten minutes do not hold where steps are given
    assert info["corpus"]["source"] == str(texts[0])
    assert (run / "best.safetensors").is_file()


def test_evaluate_prints_one_json_object_with_the_scores_of_what_translate_prints(run, texts, printed):
    source, target = texts
    report = json.loads(printed("evaluate", run, "--source", source, "--reference", target, "--json", "--limit", 12))
    english, german = (file.read_text(encoding="utf-8").splitlines()[:12] for file in texts)
    lines = printed("translate", "--model", run, *english).splitlines()
    assert len(lines) == 12
    assert report["bleu"] == pytest.approx(sacrebleu.corpus_bleu(lines, [german]).score)
    assert report["chrf"] == pytest.approx(sacrebleu.corpus_chrf(lines, [german]).score)
    assert report["exact_match"] == pytest.approx(100 * sum(a == b for a, b in zip(lines, german, strict=True)) / 12)
    assert report["sentences"] == 12
    assert report["beam"] == 5
    assert report["signature"].startswith("nrefs:1|case:mixed|")
    assert report["chrf_signature"].startswith("nrefs:1|case:mixed|")
    assert report["seconds"] > 0
    assert report["tokens_per_second"] > 0
    low, high = report["bleu_interval_95"]
    assert low <= high


def test_lowercase_is_said_in_the_signature(run, texts, printed):
    source, target = texts
    found = printed("evaluate", run, "--source", source, "--reference", target, "--lowercase", "--json", "--limit", 3)
    assert "case:lc" in json.loads(found)["signature"]


def test_the_table_shows_scores_and_signatures(run, texts, printed):
    source, target = texts
    table = printed("evaluate", run, "--source", source, "--reference", target, "--limit", 3, "--beam", 2)
    for word in ("BLEU ", "chrF2 ", "exact match", "nrefs:1|case:mixed", "beam 2", "3 sentences"):
        assert word in table


def test_a_run_compared_with_itself_does_not_differ(run, texts, printed):
    source, target = texts
    files = ("--source", source, "--reference", target, "--limit", 5)
    found = json.loads(printed("evaluate", run, "--compare", run, *files, "--json"))
    assert found["delta"] == 0
    assert found["p_value"] > 0.9
    assert found["a"]["bleu"] == found["b"]["bleu"]
    assert "may be chance" in printed("evaluate", run, "--compare", run, *files)


def test_resuming_a_run_needs_no_other_option_and_goes_on(own_run, capsys):
    assert main(["train", "--out", str(own_run), "--resume", "--steps", "24"]) == 0
    steps = [json.loads(line)["step"] for line in (own_run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert max(steps) == 24
    assert "course evaluate" in capsys.readouterr().out


def test_a_run_on_files_is_resumed_from_any_folder_and_after_they_have_moved(refused, own_run, texts, monkeypatch):
    saved = json.loads((own_run / "run.json").read_text(encoding="utf-8"))["corpus"]
    assert [saved["source"], saved["target"]] == [str(path.resolve()) for path in texts]
    monkeypatch.chdir(own_run.parent)
    assert main(["train", "--out", own_run.name, "--resume", "--steps", "21"]) == 0
    moved = [own_run.parent / f"moved{path.suffix}" for path in texts]
    for path, place in zip(texts, moved, strict=True):
        place.write_bytes(path.read_bytes())
    info = {**json.loads((own_run / "run.json").read_text(encoding="utf-8")), "corpus": {"source": "x", "target": "y"}}
    (own_run / "run.json").write_text(json.dumps(info), encoding="utf-8")
    files = ["--source", moved[0].name, "--target", moved[1].name]
    assert main(["train", "--out", own_run.name, "--resume", "--steps", "22", *files]) == 0
    assert main(["train", "--out", own_run.name, "--resume", "--steps", "23"]) == 0  # it knows the new place now
    moved[0].unlink()
    said = refused("train", "--out", own_run, "--resume")
    assert f"{moved[0]}, which the run in {own_run} was trained with, is gone" in said
    assert "--source, --target" in said


def test_the_whole_command_again_with_resume_is_the_run_that_it_names(own_run, texts, capsys):
    files = ["--source", str(texts[0]), "--target", str(texts[1])]
    size = json.loads((own_run / "run.json").read_text(encoding="utf-8"))["model"]["src_vocab_size"]
    again = ["train", *files, "--steps", "20", *TINY, "--vocab-size", str(size), "--out", str(own_run), "--resume"]
    assert main(again) == 0
    assert "nothing is left to train" in capsys.readouterr().out
    assert main([*again, "--steps", "21"]) == 0
    assert "nothing is left" not in capsys.readouterr().out


def test_what_a_training_says_arrives_at_once(texts, tmp_path):
    files = ["--source", texts[0], "--target", texts[1], "--out", tmp_path / "r", "--minutes", 5]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(
        [sys.executable, "-m", "course", "train", *map(str, files), *TINY], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env={**environment, "OMP_NUM_THREADS": "1"}, text=True, encoding="utf-8",
    )  # fmt: skip
    try:
        assert "held out" in process.stdout.readline()
        assert "parameters" in process.stdout.readline()
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_the_last_line_of_a_training_says_how_to_score_it(own_run, texts, capsys):
    assert main(["train", "--out", str(own_run), "--resume", "--steps", "21"]) == 0
    assert f"course evaluate {own_run} --source FILE --reference FILE`" in capsys.readouterr().out


def test_other_sentences_are_refused_and_go_on_when_asked_to(refused, printed, own_run, texts, tmp_path):
    lines = [path.read_text(encoding="utf-8").splitlines() for path in texts]
    files = [write(tmp_path / path.name, some[:60]) for path, some in zip(texts, lines, strict=True)]
    given = ["train", "--out", own_run, "--resume", "--steps", 22, "--source", files[0], "--target", files[1]]
    said = refused(*given)
    assert "it had 92 training pairs, and now there are 57; resume it with those, or pass --new-data to go on" in said
    assert "goes on with other data" in printed(*given, "--new-data")
    printed("train", "--out", own_run, "--resume", "--steps", 24)  # the run remembers its new files
    assert "--new-data is for a run that goes on" in refused("train", "--out", tmp_path / "r", "--new-data")


def test_before_the_first_validation_the_last_state_can_be_asked_for(refused, printed, own_run, texts):
    (own_run / "best.safetensors").unlink()
    files = ["--source", texts[0], "--reference", texts[1], "--limit", 3]
    for command in (["translate", "--model", own_run, "a man runs."], ["evaluate", own_run, *files]):
        said = refused(*command)
        assert "A state of step 20 is there: use it with `--checkpoint last`, or train on with `course train" in said
        assert printed(*command, "--checkpoint", "last")


def test_printed_commands_can_be_copied_for_a_folder_with_blanks(own_run, printed, refused, texts):
    folder = own_run.rename(own_run.with_name("my run  x"))
    quoted = shlex.quote(str(folder))
    said = printed("train", "--out", folder, "--resume", "--steps", 21)
    assert f"`course evaluate {quoted} --source FILE --reference FILE`" in said
    assert f"`course translate --model {quoted}`" in said


def test_overwrite_replaces_a_run(own_run, texts):
    source, target = map(str, texts)
    files = ["--source", source, "--target", target, "--out", str(own_run)]
    assert main(["train", *files, "--steps", "2", *TINY, "--overwrite"]) == 0
    assert json.loads((own_run / "run.json").read_text(encoding="utf-8"))["training"]["max_steps"] == 2


# --- translate


def test_standard_input_is_translated_line_by_line_in_utf8_whatever_the_locale(run, printed):
    sentences = ["the girl sleeps.", "a cat runs – “now”.", "日本"]
    lines = printed("translate", "--model", run, *sentences).splitlines()
    piped = command(
        "translate", "--model", run,
        input="\n".join(sentences).encode(),
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"},
    )  # fmt: skip
    assert piped.returncode == 0, piped.stderr
    assert piped.stdout.decode("utf-8").splitlines() == lines


def test_windows_line_ends_and_a_byte_order_mark_are_not_text(run, printed, monkeypatch):
    lines = printed("translate", "--model", run, "the girl sleeps.", "a cat runs.")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfthe girl sleeps.\r\na cat runs.\r\n")))
    assert printed("translate", "--model", run) == lines


@pytest.mark.parametrize("options", [[], ["--sample"], ["--beam", 2, "--n-best", 2]])
def test_line_n_of_the_output_belongs_to_line_n_of_the_input(run, printed, monkeypatch, options):
    piped = "a cat runs.\n\n \u200b\nthe girl sleeps.\n\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped)))
    lines = printed("translate", "--model", run, *options).removesuffix("\n").split("\n")
    each = 2 if "--n-best" in options else 1
    assert [bool(line) for line in lines[::each]] == [True, False, False, True, False]
    assert len(lines) == 5 * each
    if not options:
        assert lines[::3] == printed("translate", "--model", run, "a cat runs.", "the girl sleeps.").splitlines()


def test_n_best_prints_that_many_lines_best_score_first(run, printed):
    lines = printed("translate", "--model", run, "a man runs.", "--n-best", 3).splitlines()
    scores, texts = zip(*(line.split("\t") for line in lines), strict=True)
    assert len(lines) == 3
    assert sorted(map(float, scores), reverse=True) == list(map(float, scores))
    assert texts[0] == printed("translate", "--model", run, "a man runs.").rstrip("\n")


def test_samples_repeat_with_the_seed_and_only_with_it(run, printed):
    def sample(seed):
        return printed("translate", "--model", run, "a man runs.", "--sample", "--seed", seed, "--temperature", 2)

    assert sample(1) == sample(1)
    assert len({sample(seed) for seed in range(4)}) > 1


def test_show_attention_names_the_source_tokens(run, printed):
    lines = printed("translate", "--model", run, "a man runs.", "--show-attention").splitlines()
    assert len(lines) > 1
    assert [line for line in lines[1:] if line] == [line for line in lines[1:] if line.startswith("    ")]
    assert sum(" %" in line for line in lines) > 1


# --- bad input


@pytest.fixture
def two(tmp_path):
    """Write two files, and return the options that name them."""

    def files(source, target=("eins", "zwei", "drei")):
        paths = []
        for name, content in (("a.en", source), ("a.de", target)):
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else "".join(f"{c}\n" for c in content).encode())
            paths.append(path)
        return ["--source", paths[0], "--target", paths[1]]

    return files


def test_an_unknown_embedded_corpus_gets_its_nearest(refused, tmp_path):
    assert 'Did you mean "embedded-en-de"?' in refused("train", "--corpus", "embeded-en-de", "--out", tmp_path / "r")


def test_an_unknown_corpus_gets_its_nearest(refused, tmp_path):
    said = refused("train", "--corpus", "multi30k-ende", "--out", tmp_path / "r")
    assert '"multi30k-ende"' in said
    assert 'Did you mean "multi30k-en-de"?' in said


def test_a_corpus_that_is_not_fetched_says_how(refused, tmp_path):
    assert "course data fetch multi30k" in refused("train", "--corpus", "multi30k-en-de", "--out", tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_files_of_unequal_length_get_both_counts(refused, two, tmp_path):
    said = refused("train", *two(["one", "two", "three"], ["eins", "zwei"]), "--out", tmp_path / "r")
    assert "3" in said.split("a.en")[1]
    assert "2" in said.split("a.de")[1]


def test_bytes_that_are_not_utf8_get_file_and_line(refused, two, tmp_path):
    said = refused("train", *two(b"one\ntwo \xe4\nthree\n"), "--out", tmp_path / "r")
    assert "a.en, line 2" in said


@pytest.mark.parametrize("content", [b"", b"\n\n\n"])
def test_an_empty_file(refused, two, tmp_path, content):
    refused("train", *two(content), "--out", tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_file_that_is_not_there_or_has_no_partner(refused, two, tmp_path):
    assert "nowhere.en" in refused("train", "--source", tmp_path / "nowhere.en", *two("x")[2:], "--out", tmp_path / "r")
    assert "--target" in refused("train", *two(["one"])[:2], "--out", tmp_path / "r")
    assert "--target needs --source" in refused("train", *two(["one"])[2:], "--out", tmp_path / "r")
    three = two(["one", "two", "three"])
    assert "--val-target" in refused("train", *three, "--val-source", tmp_path / "a.en", "--out", tmp_path / "r")
    assert "--val-source" in refused("train", *three, "--val-target", tmp_path / "a.en", "--out", tmp_path / "r")
    assert "not both" in refused("train", *two(["one"]), "--corpus", "multi30k-en-de", "--out", tmp_path / "r")


@pytest.mark.parametrize("wanted", [[], ["--preset", "45min"]])
def test_a_run_that_exists_is_not_touched(refused, own_run, two, wanted):
    before = contents(own_run)
    said = refused("train", *two(["one", "two", "three"]), "--steps", 2, "--out", own_run, *wanted)
    assert "--overwrite" in said
    assert "--resume" in said
    assert contents(own_run) == before


@pytest.mark.parametrize(
    "bad", [["--d-model", "30", "--n-heads", "4"], ["--minutes", "0"], ["--dropout", "1.5"], ["--source", "nowhere"]]
)
def test_overwriting_with_bad_input_keeps_the_old_run(refused, own_run, two, bad):
    before = contents(own_run)
    refused("train", *two(["one", "two", "three"]), "--out", own_run, "--overwrite", *bad)
    assert contents(own_run) == before


def test_a_folder_that_is_no_run_is_not_touched(refused, two, tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    write(folder / "chapter", ["years of work"])
    for flag in ([], ["--overwrite"], ["--resume"]):
        refused("train", *two(["one", "two", "three"]), "--steps", 2, "--out", folder, *flag)
    assert list(contents(folder)) == ["chapter"]


def test_an_out_that_cannot_be_a_folder(refused, two, tmp_path):
    file = write(tmp_path / "file", ["keep me"])
    for out in (file, file / "below"):
        assert str(file) in refused("train", *two(["one", "two", "three"]), "--steps", 2, "--out", out, *TINY)
    assert file.read_text(encoding="utf-8") == "keep me\n"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user whom a folder can refuse")
def test_an_out_that_may_not_be_written(refused, two, tmp_path):
    folder = tmp_path / "sealed"
    folder.mkdir(mode=0o500)
    assert "sealed" in refused("train", *two(["one", "two", "three"]), "--steps", 2, "--out", folder / "r", *TINY)


def test_resume_refuses_what_is_not_there_and_what_would_change_the_model(refused, own_run, tmp_path):
    assert "nowhere does not exist" in refused("train", "--out", tmp_path / "nowhere", "--resume")
    before = contents(own_run)
    said = refused("train", "--out", own_run, "--resume", "--d-model", 32)
    assert "32" in said
    assert "16" in said
    assert "label_smoothing" in refused("train", "--out", own_run, "--resume", "--label-smoothing", 0.3)
    assert "--vocab-size" in refused("train", "--out", own_run, "--resume", "--vocab-size", 9999)
    assert "--source" in refused("train", "--out", own_run, "--resume", "--val-source", "nosuch", "--val-target", "no")
    assert "the files" in refused("train", "--out", own_run, "--resume", "--corpus", "embedded-en-de")
    assert contents(own_run) == before
    (own_run / "last.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    assert "last.safetensors" in refused("train", "--out", own_run, "--resume", "--steps", 30)
    after = contents(own_run)
    assert {k: v for k, v in after.items() if k != "last.safetensors"} == {
        k: v for k, v in before.items() if k != "last.safetensors"
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--d-model", "30", "--n-heads", "4"], ["30", "4 heads"]),
        (["--minutes", "0"], ["minutes is 0"]),
        (["--minutes", "-3"], ["minutes is -3"]),
        (["--minutes", "nan"], ["--minutes", "nan"]),
        (["--minutes", "ten"], ["--minutes", "ten"]),
        (["--steps", "0"], ["max_steps is 0"]),
        (["--steps", "1.5"], ["1.5"]),
        (["--label-smoothing", "1"], ["label_smoothing is 1"]),
        (["--vocab-size", "10"], ["10"]),
        (["--seed", "9" * 30], ["--seed", "too large"]),
        (["--positions", "sinusoid"], ["sinusoid", 'Did you mean "sinusoidal"?']),
        (["--preset", "paper-ish"], ["paper-ish", 'Did you mean "paper"?']),
        (["--d-modell", "64"], ["--d-modell", 'Did you mean "--d-model"?']),
        (["--d", "64"], ["--d"]),  # no abbreviations: they would change their meaning with the next option
        (["--resume", "--overwrite"], ["--resume", "--overwrite"]),
    ],
)
def test_settings_that_cannot_work(refused, two, tmp_path, options, words):
    said = refused("train", *two(["one", "two", "three"]), "--out", tmp_path / "r", *options)
    for word in words:
        assert word in said
    assert not (tmp_path / "r").exists()


def test_commands_that_do_not_exist(refused):
    assert 'Did you mean "translate"?' in refused("translte")
    assert "COMMAND" in refused()
    assert "surplus" in refused("exercises", "surplus")
    assert 'Did you mean "--model"?' in refused("translate", "a man", "--modell", "x")
    assert "Did you mean" not in refused("translate", "--source", "x")  # --seed has the dashes in common with it
    assert "multi30k" in refused("data", "fetch", "multi30")
    assert 'Did you mean "--from"?' in refused("data", "fetch", "multi30k", "--form", "x")


def damage_by_cutting(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_by_emptying(path):
    path.write_bytes(b"")


def damage_by_noise(path):
    path.write_bytes(bytes(range(256)) * 8)


@pytest.mark.parametrize("damage", [damage_by_cutting, damage_by_emptying, damage_by_noise, Path.unlink])
@pytest.mark.parametrize("name", ["run.json", "tokenizer.json", "best.safetensors"])
def test_a_missing_or_damaged_checkpoint(refused, own_run, texts, name, damage):
    damage(own_run / name)
    said = refused("translate", "--model", own_run, "a man runs.")
    assert own_run.name in said
    assert refused("evaluate", own_run, "--source", texts[0], "--reference", texts[1]) == said


def test_a_run_that_is_not_there(refused, tmp_path):
    assert "nowhere" in refused("translate", "--model", tmp_path / "nowhere", "a man")
    assert "nowhere" in refused("evaluate", tmp_path / "nowhere", "--split", "test2016")
    file = write(tmp_path / "file", ["no run"])
    assert "file" in refused("evaluate", file)


def test_a_sentence_longer_than_the_positions(refused, run, two):
    long = "word " * 100
    said = refused("translate", "--model", run, "a man.", long)
    assert "64" in said
    options = two(["one", long, "three"])
    assert "64" in refused("evaluate", run, "--source", options[1], "--reference", options[3])


@pytest.mark.parametrize("sentence", ["", "   ", "\t", "\u200b\u00ad", "\ufeff", "\x1a"])
def test_an_empty_sentence(refused, run, sentence, two):
    assert "sentence 2 is empty" in refused("translate", "--model", run, "a man.", sentence)
    options = two([sentence, sentence, sentence])
    assert "nothing to translate" in refused("evaluate", run, "--source", options[1], "--reference", options[3])


@pytest.mark.parametrize(
    ("piped", "words"),
    [
        (b"", "nothing"),
        (b"\n\n", "nothing"),
        ("\u200b\n\u00ad\n".encode(), "nothing"),
        (b"a\nb\n\xff\n", "line 3"),
        (b"\xff\xfea\0\n\0", "UTF-16"),
        (b"a cat\ra dog\ra man\r", "CR alone"),
        (b"PK\x03\x04 and so on", "ZIP"),
    ],
)
def test_bad_standard_input(refused, run, monkeypatch, piped, words):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped)))
    assert words in refused("translate", "--model", run)


def test_an_empty_source_line_is_scored_with_an_empty_translation(run, two, printed, capsys):
    options = two(["a cat runs.", "\u200b", "a man runs."], ["eine Katze", "nichts", ""])
    main(["evaluate", str(run), "--source", str(options[1]), "--reference", str(options[3]), "--json", "--beam", "1"])
    said = capsys.readouterr()
    assert said.err == (
        "course: a.en: 1 of 3 source lines are empty and get an empty translation; 1 of 3 references are empty.\n"
    )
    translated = printed("translate", "--model", run, "a cat runs.", "a man runs.", "--beam", 1).splitlines()
    hypotheses = [translated[0], "", translated[1]]
    expected = sacrebleu.CHRF().corpus_score(hypotheses, [["eine Katze", "nichts", ""]]).score
    assert json.loads(said.out)["chrf"] == expected


def test_evaluate_needs_a_text_to_score_on(refused, run, texts, two):
    for split in ("test2016", "all"):  # trained on files: it has no splits
        assert "so it has no splits: give --source" in refused("evaluate", run, "--split", split)
    assert "--reference" in refused("evaluate", run, "--source", texts[0])
    assert "--source" in refused("evaluate", run, "--reference", texts[0])
    assert "own translation" in refused("evaluate", run, "--source", texts[0], "--reference", texts[0])
    assert "not both" in refused("evaluate", run, "--split", "val", "--source", texts[0], "--reference", texts[1])
    options = two(["one", "two"], ["eins"])
    said = refused("evaluate", run, "--source", options[1], "--reference", options[3], "--json")
    assert "2" in said
    assert "1" in said


def test_an_unknown_split_gets_its_nearest(refused, own_run):
    info = json.loads((own_run / "run.json").read_text(encoding="utf-8"))
    info["corpus"] = {"name": "multi30k-en-de"}
    (own_run / "run.json").write_text(json.dumps(info), encoding="utf-8")
    assert 'Did you mean "test2016"?' in refused("evaluate", own_run, "--split", "test216")
    assert "course data fetch multi30k" in refused("evaluate", own_run)


@pytest.mark.parametrize(
    "options",
    [
        ["--beam", "0"],
        ["--beam", "many"],
        ["--n-best", "6"],
        ["--length-penalty", "-1"],
        ["--temperature", "0.5"],
        ["--sample", "--temperature", "0"],
        ["--sample", "--top-k", "0"],
        ["--sample", "--top-p", "1.5"],
        ["--sample", "--n-best", "2"],
        ["--threads", "0"],
    ],
)
def test_decoding_options_that_cannot_work(refused, run, options):
    refused("translate", "--model", run, "a man runs.", *options)


def test_fetching_from_no_folder(refused, tmp_path):
    assert "nowhere" in refused("data", "fetch", "multi30k", "--from", tmp_path / "nowhere")


def test_a_full_disk_is_bad_luck_and_not_a_traceback(refused, two, tmp_path, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device", str(tmp_path / "r" / "last.safetensors"))

    monkeypatch.setattr("course.cli.train.train", full)
    said = refused("train", *two(["one", "two", "three"]), "--out", tmp_path / "r")
    assert "No space left" in said
    assert "last.safetensors" in said


def test_an_error_of_the_package_itself_is_not_hidden(two, tmp_path, monkeypatch):
    def broken(*args, **options):
        raise RuntimeError("a bug")

    monkeypatch.setattr("course.cli.train.train", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["train", *map(str, two(["one", "two", "three"])), "--out", str(tmp_path / "r")])


# --- interrupted


def test_interrupting_says_how_to_go_on(refused, own_run, two, tmp_path, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("course.cli.train.train", interrupted)
    files = two(["one", "two", "three"])
    assert f"--out {own_run} --resume" in refused("train", "--resume", "--out", own_run, code=130)
    said = refused("train", *files, "--overwrite", "--out", own_run, code=130)
    assert f"interrupted before anything was changed; {own_run} still holds the run" in said
    assert "before anything was written to" in refused("train", *files, "--out", tmp_path / "r", code=130)
    (tmp_path / "r").mkdir()  # begun, and no state was saved yet
    assert "--overwrite" in refused("train", *files, "--out", tmp_path / "r", code=130)
    (own_run / "previous-run").mkdir()
    said = refused("train", "--resume", "--out", own_run, code=130)
    assert f"the run that was there before is in {own_run / 'previous-run'} until this one is first scored" in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_ends_training_without_a_traceback(texts, tmp_path):
    out = tmp_path / "r"
    options = [*("--source", texts[0], "--target", texts[1], "--minutes", "5", "--out", out), *TINY]
    process = subprocess.Popen(
        [sys.executable, "-m", "course", "train", *map(str, options), "--checkpoint-every", "5"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 110
    while not (out / "last.safetensors").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert b"Traceback" not in said
    assert said.decode().splitlines()[-1].startswith("course: interrupted;")
    assert b"--resume" in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no broken pipe")
def test_a_reader_that_has_enough_is_no_error(run):
    sentences = "".join(f"the girl sleeps {i}.\n" for i in range(3))
    process = subprocess.Popen(
        [sys.executable, "-m", "course", "translate", "--model", str(run)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.close()
    process.stdin.write(sentences.encode())
    process.stdin.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=120) == 1


# --- the front door


SLOW = {"torch", "matplotlib", "ipywidgets", "tokenizers"}


def loaded_by(*arguments) -> set[str]:
    """Which modules a command loads."""
    code = (
        "import sys; from course.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["exercises"], ["data", "list"], ["translate", "--help"], ["evaluate", "-h"]],
)
def test_what_needs_no_model_does_not_wait_for_torch(arguments):
    assert not loaded_by(*arguments) & SLOW


@pytest.mark.parametrize("arguments", [[], ["data", "list"], ["exercises"], ["translate", "--help"]])
def test_a_command_loads_its_own_module_and_no_other_commands(arguments):
    commands = {f"course.cli.{name}" for name in COMMANDS}
    assert loaded_by(*arguments) & commands == {f"course.cli.{name}" for name in arguments[:1]}


def test_every_command_is_a_module_with_options_to_add():
    for name in COMMANDS:
        assert callable(importlib.import_module(f"course.cli.{name}").add_options)


def test_exercises_lists_ids_lessons_and_what_is_solved(printed, tmp_path, monkeypatch):
    from course.lab import workbook
    from course.lab.exercises import all_exercises

    def causal_mask(T):
        import numpy as np

        return np.tril(np.ones((T, T), dtype=bool))

    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path))
    assert workbook.keep("causal_mask", causal_mask)
    rows = [line.split()[:3] for line in printed("exercises").splitlines() if line[:2].isdigit()]
    for exercise in all_exercises():
        state = "solved" if exercise.id == "causal_mask" else "open"
        assert [f"{exercise.lesson:02}", exercise.id, state] in rows
    assert len([row for row in rows if row[1:2] == ["causal_mask"]]) == 1


def test_a_corpus_fetched_from_a_folder_is_listed_with_its_splits(printed, multi30k_folder):
    assert os.environ["COURSE_DATA"] in printed("data", "fetch", "multi30k", "--from", multi30k_folder)
    assert "multi30k-fr-en    train (29,000), val (1,014), test2016 (1,000)" in printed("data", "list")


def test_the_embedded_corpus_is_there_without_fetching(printed):
    assert "embedded-en-de    train (24,000), dev (1,000), test_iid (1,000)" in printed("data", "list")


def test_without_a_corpus_the_embedded_one_is_trained_on_and_scored(printed, tmp_path):
    run = tmp_path / "r"
    printed("train", "--out", run, "--steps", 3, *TINY, "--max-len", 200)
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert info["corpus"]["name"] == "embedded-en-de"
    assert info["training"]["lr"] == PRESETS["3min"].training.lr
    report = json.loads(printed("evaluate", run, "--limit", 4, "--beam", 1, "--json"))
    assert (report["split"], report["sentences"]) == ("test_iid", 4)
    report = json.loads(printed("evaluate", run, "--split", "all", "--limit", 2, "--beam", 1, "--json"))
    assert [row["split"] for row in report["splits"]] == list(SPLITS)[2:]
    table = printed("evaluate", run, "--split", "all", "--limit", 2, "--beam", 1)
    assert "test_iid" in table
    assert "possessive" in table


def test_all_splits_are_for_the_embedded_corpus_alone(refused, own_run):
    info = json.loads((own_run / "run.json").read_text(encoding="utf-8")) | {"corpus": {"name": "multi30k-en-de"}}
    (own_run / "run.json").write_text(json.dumps(info), encoding="utf-8")
    assert "embedded corpus" in refused("evaluate", own_run, "--split", "all")


@pytest.mark.parametrize("option", ["--compare", "--source", "--reference", "--lowercase"])
def test_all_splits_take_no_option_that_would_change_nothing(refused, own_run, option):
    given = [option] if option == "--lowercase" else [option, own_run]
    assert option in refused("evaluate", own_run, "--split", "all", *given)


def test_a_million_threads_are_refused_not_tried(refused, own_run, two, tmp_path):
    assert "1000000" in refused("translate", "--threads", 1_000_000, "The cat sleeps.")
    files = two(["one", "two", "three"])
    assert "1000000" in refused("train", *files, "--out", tmp_path / "r", "--steps", 1, "--threads", 1_000_000)
    assert not (tmp_path / "r").exists()


def test_what_does_not_fit_is_said_before_the_old_run_is_touched(refused, own_run, two):
    before = contents(own_run)
    said = refused("train", *two(["one", "two", "three"]), "--out", own_run, "--overwrite", "--steps", 2, *TINY,
                   "--max-len", 2)  # fmt: skip
    assert "max_len 2" in said
    assert contents(own_run) == before


def test_pairs_that_lack_a_side_are_counted_before_some_are_held_out(two, tmp_path, capsys):
    files = two(["one", "", "three", "four"], ["eins", "zwei", "drei", "vier"])
    assert main(["train", *map(str, files), "--out", str(tmp_path / "r"), "--steps", "1", *TINY]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "1 of 4 training pairs lack one side and are left out.",
        "1 of 3 pairs are held out for validation (no --val-source given).",
    ]


def same_weights(one, other):
    """Whether two runs ended at the same numbers, bit for bit; what their files say of the runs differs."""
    from course.training.checkpoint import read_tensors

    (a, _), (b, _) = (read_tensors(run / "best.safetensors") for run in (one, other))
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


def test_blanks_around_lines_change_nothing(run, texts, tmp_path, printed):
    """Neither the pieces and weights that training finds, nor the score of what it has trained."""
    blank = [
        write(tmp_path / path.name, (f" \u00a0{line}\t" for line in path.read_text(encoding="utf-8").splitlines()))
        for path in texts
    ]
    out = tmp_path / "r"
    printed("train", "--source", blank[0], "--target", blank[1], "--steps", 20, "--out", out, *TINY)
    assert (out / "tokenizer.json").read_bytes() == (run / "tokenizer.json").read_bytes()
    assert same_weights(out, run)
    scores = [
        json.loads(printed("evaluate", run, "--source", source, "--reference", target, "--beam", 1, "--json"))["bleu"]
        for source, target in (texts, blank)
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("packed", [False, True])
def test_one_file_with_tabs_is_trained_on_validated_on_and_scored(run, texts, tmp_path, printed, packed):
    rows = "".join(f"{source}\t{target}\n" for source, target in pairs()).encode()
    table = tmp_path / "pairs.tsv"
    table.write_bytes(gzip.compress(rows) if packed else rows)
    out = tmp_path / "r"
    printed("train", "--source", table, "--steps", 20, "--out", out, *TINY)
    assert same_weights(out, run)
    printed("train", "--out", out, "--resume", "--steps", 21)
    reports = [
        json.loads(printed("evaluate", run, *files, "--limit", 5, "--beam", 1, "--json"))["chrf"]
        for files in (["--source", table], ["--source", texts[0], "--reference", texts[1]])
    ]
    assert reports[0] == reports[1]
    said = printed("train", "--source", table, "--val-source", table, "--steps", 1, "--out", tmp_path / "v", *TINY)
    assert "Found in 96 validation pairs: 96 whose source is trained on, so their scores say little." in said


def test_all_that_is_odd_is_said_in_one_line_before_training(two, tmp_path, capsys):
    files = two(
        ["\ufeffone", "\ufeffTaxi", "two", "two", "nee\u00addle", "\u200b"], ["eins", "Taxi", "zwei", "zwei", "x", "y"]
    )
    assert main(["train", *map(str, files), "--out", str(tmp_path / "r"), "--steps", "1", *TINY]) == 0
    found, left_out, held, *_ = capsys.readouterr().out.splitlines()
    assert found == (
        "Found in 6 training pairs: 1 repeating an earlier pair; 1 with the source as their target; 1 with "
        "characters that nobody sees (soft hyphens, zero-width spaces, control characters), kept as they are; "
        "a.en: 1 byte order mark of joined files dropped."
    )
    assert left_out.startswith("1 of 6 training pairs lack one side")
    assert held.startswith("1 of 5 pairs are held out")


def test_one_text_given_twice_is_refused(refused, two, tmp_path):
    source = two(["one", "two", "three"])[1]
    said = refused("train", "--source", source, "--target", source, "--out", tmp_path / "r")
    assert "all 3 sentences are their own translation" in said
    assert not (tmp_path / "r").exists()


def test_a_line_of_a_megabyte_is_left_out_and_counted_without_a_pause(two, tmp_path, capsys):
    files = two(["one", "ab" * 500_000, "three", "four"], ["eins", "zwei", "drei", "vier"])
    started = time.process_time()
    assert main(["train", *map(str, files), "--out", str(tmp_path / "r"), "--steps", "1", *TINY]) == 0
    assert time.process_time() - started < 10
    assert "left out 1 " in capsys.readouterr().out


def test_text_in_a_wrong_encoding_is_named_where_it_is_scored(run, two, capsys):
    options = two(["a cat runs.", "a man runs."], ["eine Katze läuft.", "lÃ¤uft"])
    assert main(["evaluate", *map(str, (run, "--source", options[1], "--reference", options[3])), "--beam", "1"]) == 0
    assert 'a.en: 1 with letters such as "Ã¤" for "ä"' in capsys.readouterr().err


def test_files_that_look_swapped_or_are_the_training_text_are_named(run, texts, capsys):
    for files, words in ((texts, "was trained on this file"), (texts[::-1], "the run translates en into de, but the")):
        arguments = ["evaluate", run, "--source", files[0], "--reference", files[1], "--limit", 2, "--beam", 1]
        assert main([str(argument) for argument in arguments]) == 0
        assert words in capsys.readouterr().err


def test_a_run_file_without_its_parts_is_damaged(refused, own_run):
    info = json.loads((own_run / "run.json").read_text(encoding="utf-8"))
    for damage in ({"training": None}, {"corpus": "x"}):
        (own_run / "run.json").write_text(json.dumps({**info, **damage}), encoding="utf-8")
        assert "run.json is damaged" in refused("train", "--out", own_run, "--resume")
        assert "run.json is damaged" in refused("translate", "--model", own_run, "a cat sleeps")


def test_a_tokenizer_of_another_run_is_noticed(refused, own_run):
    from course.pretrained import run_folder

    (own_run / "tokenizer.json").write_bytes((run_folder("en-de") / "tokenizer.json").read_bytes())
    assert "tokenizer.json has 2000 pieces" in refused("translate", "--model", own_run, "a cat sleeps")


def test_a_model_without_decoder_layers_has_no_attention_to_show(two, tmp_path, capsys):
    options = [*two(["one", "two", "three"]), "--out", tmp_path / "r", "--steps", 1, *TINY, "--n-decoder-layers", 0]
    assert main(["train", *map(str, options)]) == 0
    assert main(["translate", "--model", str(tmp_path / "r"), "one", "--show-attention", "--threads", "1"]) == 2
    assert "no attention to the source" in capsys.readouterr().err


RECURRENT = ["--architecture", "gru", "--d-model", 16, "--max-len", 200, "--vocab-size", 300, "--batch-tokens", 300,
             "--threads", 1, "--precision", "float32", "--validation-sentences", 2]  # fmt: skip


@pytest.mark.parametrize("kind", ["additive", "none"])
def test_a_recurrent_model_is_trained_resumed_scored_and_translates_by_the_same_commands(
    printed, refused, tmp_path, kind
):
    run = tmp_path / "r"
    printed("train", "--out", run, "--steps", 3, *RECURRENT, "--attention", kind)
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert (info["model"]["architecture"], info["model"]["attention"]) == ("gru", kind)
    assert info["training"]["optimizer"] == "muon"
    assert info["model"]["tie"] == PRESETS["3min"].options_for("gru")["tie"]
    printed("train", "--out", run, "--resume", "--steps", 5)
    assert "dot" in refused("train", "--out", run, "--resume", "--attention", "dot")
    assert "lstm" in refused("train", "--out", run, "--resume", "--architecture", "lstm")
    report = json.loads(printed("evaluate", run, "--split", "all", "--limit", 2, "--beam", 2, "--json"))
    errors = {row["split"]: len(row["alignment_error_by_layer"]) for row in report["splits"]}
    assert errors["test_iid"] == (0 if kind == "none" else 1)
    said = ("translate", "--model", run, "The cat sleeps.", "--show-attention")
    if kind == "none":
        assert "no attention to the source" in refused(*said)
    else:
        lines = printed(*said).splitlines()
        assert lines[1] == "    Attention to the source:"
        assert sum(" %" in line for line in lines) > 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--architecture", "gru", "--n-heads", "2"], ["--n-heads is for the Transformer", "this is gru"]),
        (["--attention", "dot"], ["--attention is for recurrent models", "this is transformer"]),
        (["--architecture", "grue"], ['Did you mean "gru"?']),
        (["--architecture", "lstm", "--preset", "paper"], ["recipe for the Transformer", "lstm"]),
        (["--architecture", "rnn", "--window", "0"], ["window is 0"]),
    ],
)
def test_options_of_the_other_architecture_are_refused(refused, two, tmp_path, options, words):
    said = refused("train", *two(["one", "two", "three"]), "--out", tmp_path / "r", *options)
    for word in words:
        assert word in said
    assert not (tmp_path / "r").exists()


def test_a_temperature_of_nearly_nothing_samples_greedily(printed, run):
    cold = printed("translate", "--model", run, "a cat sleeps", "--sample", "--temperature", "1e-300")
    assert cold == printed("translate", "--model", run, "a cat sleeps", "--beam", 1)


def test_without_a_model_the_shipped_translators_answer(printed):
    assert printed("translate", "The needle has a sharp point.") == "Die Nadel hat eine scharfe Spitze.\n"
    assert printed("translate", "--to", "fr", "The needle has a sharp point.") == "L'aiguille a une pointe acérée.\n"


def test_the_shipped_translators_say_which_words_they_do_not_know():
    command = [sys.executable, "-m", "course", "translate", "The elephant sleeps."]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, timeout=120)
    assert '"elephant"' in done.stderr
    many = " ".join(f"xy{letter}" for letter in "abcdefgh")
    done = subprocess.run([*command[:-1], many], capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert '"xya"' in done.stderr
    assert "and 3 more words" in done.stderr
    assert '"xyg"' not in done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_data_list_says_where_it_looked(printed, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MULTI30K", str(tmp_path / "elsewhere"))
    listing = printed("data", "list")
    assert "multi30k-en-de    not here" in listing
    assert str(Path(os.environ["COURSE_DATA"]) / "multi30k") in listing
    assert str(tmp_path / "elsewhere") in listing


@pytest.mark.parametrize(
    "arguments", [[], ["train"], ["data"], ["data", "fetch"], ["evaluate"], ["translate"], ["exercises"]]
)
def test_every_command_explains_itself(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("usage: course")


def test_help_of_train_offers_every_field_with_each_presets_value(capsys):
    from course.model import RecurrentConfig, TransformerConfig
    from course.training import PRESETS, TrainingConfig

    with pytest.raises(SystemExit):
        main(["train", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    configs = (TransformerConfig, RecurrentConfig, TrainingConfig)
    for field in [f for config in configs for f in dataclasses.fields(config) if "vocab" not in f.name]:
        assert f"--{field.name.replace('_', '-')}" in words
    widths = ", ".join(f"{name} {preset.model['d_model']}" for name, preset in PRESETS.items())
    assert f"({widths})" in words


@pytest.fixture
def handed_over(monkeypatch, two, tmp_path):
    """What the command hands to `course.training.train`."""

    def plan(*options):
        caught = {}
        monkeypatch.setattr(
            "course.cli.train.train", lambda run, train, val, **rest: caught.update(rest, train=train, val=val)
        )
        assert main(["train", *map(str, two(*TEXT)), "--out", str(tmp_path / "r"), *options]) == 0
        return caught

    return plan


TEXT = ([f"word {i}" for i in range(60)], [f"Wort {i}" for i in range(60)])


def test_options_reach_training_over_the_presets_values(handed_over):
    plan = handed_over("--preset", "45min", "--n-heads", "8", "--bias", "--final-norm", "--label-smoothing", "0.2")
    assert plan["model_options"]["d_model"] == 192
    assert plan["model_options"]["n_heads"] == 8
    assert plan["model_options"]["bias"] is True
    assert plan["model_options"]["final_norm"] is True
    assert plan["training"].label_smoothing == 0.2
    assert plan["training"].minutes == 45
    assert plan["vocab_size"] == 4000


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ([], (10, None)),
        (["--minutes", "3"], (3, None)),
        (["--steps", "7"], (None, 7)),
        (["--max-steps", "7"], (None, 7)),
        (["--steps", "7", "--minutes", "3"], (3, 7)),
        (["--preset", "paper"], (None, 8000)),
        (["--preset", "paper", "--minutes", "3"], (3, None)),
    ],
)
def test_whoever_sets_one_end_does_not_get_the_presets_other(handed_over, options, end):
    training = handed_over(*options)["training"]
    assert (training.minutes, training.max_steps) == end


def test_held_out_pairs_are_not_trained_on_and_stay_aligned(handed_over):
    plan = handed_over()
    train, val = (set(zip(plan[part].source, plan[part].target, strict=True)) for part in ("train", "val"))
    assert len(val) == 3
    assert not train & val
    assert train | val == set(zip(*TEXT, strict=True))


# --- options made from fields


@dataclasses.dataclass
class Example:
    width: int = 3  # how wide
    rate: float | None = None
    loud: bool = True
    kind: str = "a"


def parse_example(*arguments):
    parser = Parser(prog="x")
    add_settings(parser, settings_of(Example), {"one": {"width": 3}, "two": {"width": 4}})
    return parser, lambda: vars(parser.parse_args(arguments))


def test_only_what_is_given_is_in_the_namespace():
    assert parse_example()[1]() == {}
    assert parse_example("--width", "4", "--rate", "none", "--no-loud")[1]() == {
        "width": 4,
        "rate": None,
        "loud": False,
    }


def test_the_comment_beside_a_field_is_its_help():
    assert "how wide (one 3, two 4)" in parse_example()[0].format_help()


@pytest.mark.parametrize(
    "arguments", [["--width", "3.0"], ["--rate", "inf"], ["--width", "none"], ["--loud=3"], ["--kind"]]
)
def test_values_of_the_wrong_type_are_refused(arguments):
    with pytest.raises(CourseError):
        parse_example(*arguments)[1]()


def test_an_annotation_that_cannot_be_typed_is_an_error_of_the_author():
    with pytest.raises(TypeError, match="shape"):
        settings_of(dataclasses.make_dataclass("Bad", [("shape", tuple)]))
