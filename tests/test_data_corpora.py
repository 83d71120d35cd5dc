import gzip

import pytest

from course.data import corpus_names, fetch_multi30k, load_corpus
from course.errors import CourseError


@pytest.mark.parametrize(
    ("wrong", "meant"), [("multi30-en-de", "multi30k-en-de"), ("Multi30K-FR-EN", "multi30k-fr-en")]
)
def test_an_unknown_corpus_names_the_nearest(wrong, meant):
    with pytest.raises(CourseError, match=f'no corpus "{wrong}".*"{meant}"'):
        load_corpus(wrong, "val")
    with pytest.raises(CourseError, match="Known: embedded-en-de, .*multi30k-en-de"):
        load_corpus("xyzzy", "val")


def test_an_unknown_split_names_the_nearest():
    with pytest.raises(CourseError, match='no split "test16".*"test2016"'):
        load_corpus("multi30k-en-de", "test16")


def test_a_corpus_that_is_not_here_names_the_command():
    for split in ("train", "test2017"):
        with pytest.raises(CourseError, match="course data fetch multi30k"):
            load_corpus("multi30k-en-de", split)


def test_every_direction_and_split_is_loaded(multi30k_folder, monkeypatch):
    monkeypatch.setenv("COURSE_MULTI30K", str(multi30k_folder))
    sizes = {"train": 29000, "val": 1014, "test2016": 1000}
    for name in (name for name in corpus_names() if name.startswith("multi30k")):
        for split, size in sizes.items():
            if split == "train" and name != "multi30k-en-de":
                continue
            text = load_corpus(name, split)
            assert (len(text), text.name, text.split) == (size, name, split)
            assert f"multi30k-{text.source_language}-{text.target_language}" == name


def test_pairs_are_the_pairs_of_the_files(multi30k_folder, monkeypatch):
    monkeypatch.setenv("COURSE_MULTI30K", str(multi30k_folder))
    there, back = load_corpus("multi30k-en-de", "val"), load_corpus("multi30k-de-en", "val")
    assert (there.source, there.target) == (back.target, back.source)
    first = (there.source[0], there.target[0])
    assert first == (
        "A group of men are loading cotton onto a truck",
        "Eine Gruppe von Männern lädt Baumwolle auf einen Lastwagen",
    )


def test_a_fetched_corpus_comes_before_the_named_folder(multi30k_folder, monkeypatch, tmp_path):
    folder = fetch_multi30k(from_dir=multi30k_folder, report=lambda _: None)
    monkeypatch.setenv("COURSE_MULTI30K", str(tmp_path))
    assert len(load_corpus("multi30k-en-fr", "test2016")) == 1000
    (folder / "val.en.gz").write_bytes(gzip.compress(b"one line\n"))
    with pytest.raises(CourseError, match=r"val\.en\.gz is not the Multi30k file"):
        load_corpus("multi30k-en-de", "val")
