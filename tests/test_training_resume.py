"""Going on: to the same weights as a straight run, on the same data, from a state that is whole."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from training_toys import SMALL, backward_corpus, short_training

from course.errors import CourseError
from course.lab.widgets.dashboard import best_so_far
from course.training import train
from course.training.checkpoint import load_run, read_tensors, write_tensors
from course.training.log import read_log
from course.training.session import read_position

TRAIN, VAL = backward_corpus()
FEW = TRAIN.chosen(range(36), split="train")


def run_small(run, *, texts=(TRAIN, VAL), how=None, **changes):
    settings = {"max_steps": 4, "validation_sentences": 3, "validations": 1, "log_every": 1} | changes
    return train(
        run, *texts, model_options=SMALL | {"dropout": 0.2}, training=short_training(**settings), vocab_size=280,
        **(how or {}),
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of four steps, not to be changed."""
    run = tmp_path_factory.mktemp("runs") / "small"
    run_small(run)
    return run


@pytest.fixture
def copy(finished, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for file in finished.iterdir():
        (run / file.name).write_bytes(file.read_bytes())
    return run


def same_state(a, b):
    (one, about), (other, about_other) = (read_tensors(run / "last.safetensors") for run in (a, b))
    assert one.keys() == other.keys()
    different = [name for name in one if not torch.equal(one[name], other[name])]
    where = [{k: about["position"][k] for k in ("step", "epoch", "batch", "tokens")} for about in (about, about_other)]
    return not different and where[0] == where[1]


def updates(run):
    return [(r["step"], r["epoch"], r["loss"], r["lr"], r["tokens"]) for r in read_log(run) if "lr" in r]


# --- an ended run that goes on is the straight one


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_that_ended_and_goes_on_is_the_straight_one(tmp_path, optimizer):
    """An epoch has about three batches: ends lie within one and at its border, and one is asked for twice."""
    how = {"schedule": "inverse_sqrt", "optimizer": optimizer, "batch_tokens": 200, "texts": (FEW, VAL)}
    run_small(tmp_path / "straight", max_steps=9, **how)
    for number, end in enumerate((1, 2, 2, 3, 5, 6, 9)):
        run_small(tmp_path / "parts", max_steps=end, how={"resume": bool(number)}, **how)
    assert updates(tmp_path / "parts") == updates(tmp_path / "straight")
    assert same_state(tmp_path / "parts", tmp_path / "straight")
    assert max(epoch for _, epoch, *_ in updates(tmp_path / "straight")) >= 2


def test_a_chain_of_stops_and_ends_is_the_straight_run(tmp_path):
    seen = []

    def third_time():
        seen.append(0)
        return len(seen) % 3 == 0

    how = {"schedule": "inverse_sqrt", "batch_tokens": 200, "texts": (FEW, VAL)}
    run_small(tmp_path / "straight", max_steps=12, **how)
    run_small(tmp_path / "parts", max_steps=5, how={"stop": third_time}, **how)  # stops at 3
    run_small(tmp_path / "parts", max_steps=5, how={"resume": True}, **how)
    run_small(tmp_path / "parts", max_steps=12, how={"resume": True, "stop": third_time}, **how)  # stops at 8
    run_small(tmp_path / "parts", max_steps=11, how={"resume": True}, **how)
    run_small(tmp_path / "parts", max_steps=12, how={"resume": True}, **how)
    assert updates(tmp_path / "parts") == updates(tmp_path / "straight")
    assert same_state(tmp_path / "parts", tmp_path / "straight")


def test_resuming_an_ended_run_without_a_later_end_changes_no_weight(copy, finished):
    run_small(copy, how={"resume": True})
    assert same_state(copy, finished)


# --- a run knows its data


def changed(text, *, source=None, target=None):
    return replace(text, source=tuple(source or text.source), target=tuple(target or text.target))


ONE_MORE = changed(TRAIN, source=(*TRAIN.source, "six six six six"), target=(*TRAIN.target, "sechs"))
OTHER_TARGET = changed(TRAIN, target=("acht", *TRAIN.target[1:]))
OTHER_ORDER = changed(TRAIN, source=TRAIN.source[::-1], target=TRAIN.target[::-1])
OTHER_VAL = changed(VAL, source=("one one one one", *VAL.source[1:]))


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ((ONE_MORE, VAL), f"it had {len(TRAIN)} training pairs, and now there are {len(ONE_MORE)}"),
        ((OTHER_TARGET, VAL), f"of its {len(TRAIN)} training pairs, the target side or their order changed"),
        ((OTHER_ORDER, VAL), f"of its {len(TRAIN)} training pairs, both sides or their order changed"),
        ((TRAIN, OTHER_VAL), f"of its {len(VAL)} validation pairs, the source side or their order changed"),
    ],
)
def test_other_data_are_refused_with_what_differs(copy, texts, words):
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    with pytest.raises(CourseError, match=words) as refused:
        run_small(copy, texts=texts, max_steps=8, how={"resume": True})
    assert "new_data=True" in str(refused.value)
    assert "--new-data" in refused.value.on_command_line
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_on_new_data_the_best_starts_anew(copy, capsys):
    """The old best score was better than any that the new data, which contradict the old, will give."""
    tensors, about = read_tensors(copy / "last.safetensors")
    about["position"] |= {"best_loss": 0.001, "best_bleu": 100.0}
    write_tensors(copy / "last.safetensors", tensors, about)
    old_best = (copy / "best.safetensors").read_bytes()
    with (copy / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 4, "val_loss": 0.001, "bleu": 100.0}\n')
    other = changed(VAL, target=VAL.target[::-1])
    result = run_small(copy, texts=(TRAIN, other), max_steps=8, how={"resume": True, "new_data": True})
    assert result.loss > 0.001
    assert "the best score starts anew" in capsys.readouterr().out
    assert (copy / "best.safetensors").read_bytes() != old_best
    assert load_run(copy).info["checkpoint"]["step"] == 8
    assert f"{result.loss:.3f}" in best_so_far(read_log(copy))
    run_small(copy, texts=(TRAIN, other), max_steps=9, how={"resume": True})  # from now on, these are its data
    with pytest.raises(CourseError, match="trained on other data"):
        run_small(copy, max_steps=10, how={"resume": True})


APART = [{"new_data": True}, {"overwrite": True, "new_data": True}, {"resume": True, "overwrite": True}]


@pytest.mark.parametrize("how", APART)
def test_what_cannot_go_together_is_refused(copy, how):
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    with pytest.raises(CourseError, match="goes with resume|exclude one another"):
        run_small(copy, how=how)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_a_run_of_an_earlier_version_goes_on_with_one_line(copy, capsys):
    info = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    for name in ("run_id", "data", "tokenizer_sha256"):
        del info[name]
    (copy / "run.json").write_text(json.dumps(info), encoding="utf-8")
    for name in ("last", "best"):
        path = copy / f"{name}.safetensors"
        tensors, about = read_tensors(path)
        kept = {key: value for key, value in about.items() if key not in ("run_id", "data", "model_sha256")}
        save_file(tensors, path, metadata={"about": json.dumps(kept)})
    load_run(copy)
    run_small(copy, texts=(ONE_MORE, VAL), max_steps=6, how={"resume": True})
    assert capsys.readouterr().out.count("does not say what it was trained on") == 1
    load_run(copy)


# --- what is read is whole and belongs together


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another run of the same sizes."""
    run = tmp_path_factory.mktemp("runs") / "other"
    swapped = changed(TRAIN, source=TRAIN.source, target=TRAIN.target)
    run_small(run, texts=(changed(swapped, target=[t.replace("e", "ö") for t in TRAIN.target]), VAL), seed=7)
    return run


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("best.safetensors", "belongs to another run"),
        ("last.safetensors", "belongs to another run"),
        ("run.json", "another run|not the tokenizer"),
        ("tokenizer.json", "is not the tokenizer that the run"),
    ],
)
def test_a_file_of_another_run_of_the_same_sizes_is_noticed(copy, other, name, words):
    (copy / name).write_bytes((other / name).read_bytes())
    which = "last" if name.startswith("last") else "best"
    with pytest.raises(CourseError, match=words):
        load_run(copy, which=which)
    if which == "last" or name != "best.safetensors":
        with pytest.raises(CourseError, match=words):
            run_small(copy, max_steps=6, how={"resume": True})


@pytest.mark.parametrize(
    ("field", "value"), [("n_heads", 1), ("norm", "post"), ("positions", "rotary"), ("norm_eps", 0.5)]
)
def test_another_model_of_the_same_shapes_is_noticed(copy, field, value):
    info = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    (copy / "run.json").write_text(json.dumps(damage(info, ("model", field), value)), encoding="utf-8")
    with pytest.raises(CourseError, match="in which the model has changed"):
        load_run(copy)
    with pytest.raises(CourseError, match="in which the model has changed"):
        run_small(copy, max_steps=6, how={"resume": True})


@pytest.mark.parametrize("name", ["best.safetensors", "last.safetensors"])
def test_a_flipped_bit_of_weights_is_noticed(copy, name):
    path = copy / name
    whole = path.read_bytes()
    head = 8 + int.from_bytes(whole[:8], "little")
    for place in (head, (head + len(whole)) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(CourseError, match="checksum"):
            load_run(copy, which=path.stem)


def test_equal_trainings_have_equal_files_but_for_their_names(copy, tmp_path):
    run_small(tmp_path / "again")
    assert same_state(copy, tmp_path / "again")
    ids = {json.loads((run / "run.json").read_text(encoding="utf-8"))["run_id"] for run in (copy, tmp_path / "again")}
    assert len(ids) == 2


WRONG = (None, True, -1, 0.5, float("nan"), float("inf"), 10**30, "x", "", [], {}, [[]])


def leaves(value, path=()):
    """Every place in a JSON object, that of the parts that hold others included."""
    if isinstance(value, dict):
        for key in value:
            yield (*path, key)
            yield from leaves(value[key], (*path, key))


def damage(value, path, wrong):
    value = json.loads(json.dumps(value))
    at = value
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = wrong
    return value


def test_no_value_of_the_run_file_gives_a_traceback(copy):
    """Every field, with every wrong value: it is damaged, or it loads. Nothing is trained."""
    info = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    refused = []
    for path in leaves(info):
        for wrong in WRONG:
            (copy / "run.json").write_text(json.dumps(damage(info, path, wrong)), encoding="utf-8")
            try:
                load_run(copy)
            except CourseError as error:
                refused.append(str(error))
    assert len(refused) > 300
    assert all(str(copy) in said or "does not fit" in said for said in refused)
    for content in ("[" * 100_000, "9" * 10_000, "\0", "null", "[]", '"x"', "{}", '{"model": {}, "training": {}}'):
        (copy / "run.json").write_text(content, encoding="utf-8")
        with pytest.raises(CourseError, match=r"run\.json is damaged"):
            load_run(copy)
    (copy / "run.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(CourseError, match=r"run\.json is damaged"):
        load_run(copy)


def test_sizes_that_no_computer_holds_are_refused_before_memory_is_taken(copy):
    info = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    for name in ("d_model", "d_ff", "n_encoder_layers", "n_heads", "max_len", "src_vocab_size"):
        for value in (2**23, 10**12):
            (copy / "run.json").write_text(json.dumps(damage(info, ("model", name), value)), encoding="utf-8")
            with pytest.raises(CourseError, match=f"damaged .*{name}|does not fit|knows {value}|split among|tie is"):
                load_run(copy)


def resume_refused(run):
    with pytest.raises(CourseError) as refused:
        run_small(run, max_steps=6, how={"resume": True})
    assert "last.safetensors is damaged" in str(refused.value)
    assert "overwrite=True" in str(refused.value)
    return str(refused.value)


def test_a_position_that_cannot_be_is_named(copy):
    tensors, about = read_tensors(copy / "last.safetensors")
    position = about["position"]
    for name in position:
        for wrong in (None, True, -1, float("nan"), 10**30, "x", [], {}):
            if name == "best_loss" and wrong == -1:
                continue  # odd, and no harm
            broken = {**about, "position": {**position, name: wrong}}
            with pytest.raises(CourseError, match=f"damaged .*{name}"):
                read_position(copy / "last.safetensors", broken)
    lacking = {key: value for key, value in position.items() if key != "epoch"}
    for broken in (lacking, {**position, "speed": 3}, None, [], "x"):
        write_tensors(copy / "last.safetensors", tensors, {**about, "position": broken})
        resume_refused(copy)


def test_tensors_of_another_shape_or_type_are_refused(copy):
    """The fused optimizer computes on bare memory, and must be given what it thinks that it is given."""
    tensors, about = read_tensors(copy / "last.safetensors")
    moment = next(name for name in tensors if name.startswith("optimizer.exp_avg.") and tensors[name].dim() == 2)
    name = moment.removeprefix("optimizer.exp_avg.")
    for changes in (
        {moment: tensors[moment].reshape(-1)},
        {moment: tensors[moment].double()},
        {moment: tensors[moment].int()},
        {f"optimizer.step.{name}": torch.zeros(3)},
        {f"optimizer.momentum.{name}": tensors[moment].clone()},
        {moment: None},
        {"random": None},
        {"random": torch.zeros(3, dtype=torch.uint8)},
        {"random": torch.zeros(5056)},
    ):
        broken = {key: value for key, value in (tensors | changes).items() if value is not None}
        write_tensors(copy / "last.safetensors", broken, about)
        resume_refused(copy)
    for key in (f"model.{name}", f"average.{name}"):
        for value in (tensors[key].reshape(-1), tensors[key].int(), None):
            broken = {k: v for k, v in (tensors | {key: value}).items() if v is not None}
            write_tensors(copy / "last.safetensors", broken, about)
            with pytest.raises(CourseError, match="fit|holds no weights"):
                run_small(copy, max_steps=6, how={"resume": True})


STRAY = [
    b"\xff\xfe\x00", b"\x00" * 50, b"[1, 2]", b"3", b"null", b'{"step": "four"}', b'{"step": true}', b'{"step": -1}',
    b'{"step": NaN}', b'{"step": 3, "loss": "low"}', b'{"step": 3, "seconds": NaN}', b'{"step": 3, "samples": [1]}',
    b'{"step": 3, "samples": [["a", "b", 3]]}', b"[" * 50_000, b'{"step": ' + b"9" * 9000 + b"}", b'{"lo',
    b'{"step": 3, "lr": 1' + b"0" * 400 + b"}",
]  # fmt: skip


def test_stray_bytes_in_the_log_are_left_out_and_counted(copy, capsys):
    whole = read_log(copy)
    with (copy / "log.jsonl").open("ab") as file:
        file.write(b"\n".join(STRAY) + b"\n")
    assert read_log(copy) == whole
    run_small(copy, max_steps=5, how={"resume": True})
    assert f"{len(STRAY)} damaged lines of log.jsonl left out" in capsys.readouterr().out
    assert [record["step"] for record in read_log(copy) if "lr" in record] == [1, 2, 3, 4, 5]


# --- before the first validation


def test_before_the_first_validation_a_state_can_be_used(tmp_path):
    run_small(tmp_path / "run", how={"stop": lambda: True})
    with pytest.raises(
        CourseError, match=r'no checkpoint .*A state of step 1 is there: load it with which="last"'
    ) as no:
        load_run(tmp_path / "run")
    assert "--checkpoint last" in no.value.on_command_line
    assert "--resume`" in no.value.on_command_line
    assert not load_run(tmp_path / "run", which="last").model.training


def test_other_weights_than_best_and_last_are_not_asked_for(copy):
    with pytest.raises(CourseError, match="which is 'first'"):
        load_run(copy, which="first")
    (copy / "last.safetensors").unlink()
    with pytest.raises(CourseError, match='keeps its best weights alone; load those, with which="best"'):
        load_run(copy, which="last")


def test_a_missing_best_is_written_again(copy):
    (copy / "best.safetensors").unlink()
    tensors, about = read_tensors(copy / "last.safetensors")
    about["position"]["best_loss"] = 0.0
    write_tensors(copy / "last.safetensors", tensors, about)
    run_small(copy, max_steps=5, how={"resume": True})
    load_run(copy)


def test_a_damaged_best_is_written_again_though_it_was_better(copy, other, capsys):
    tensors, about = read_tensors(copy / "last.safetensors")
    about["position"]["best_loss"] = 0.0
    state = copy / "last.safetensors"
    for bad in (b"", (other / "best.safetensors").read_bytes()):
        write_tensors(state, tensors, about)
        (copy / "best.safetensors").write_bytes(bad)
        run_small(copy, how={"resume": True})
        assert "is damaged or another run's; the next validation replaces it" in capsys.readouterr().out
        load_run(copy)


def test_sittings_that_came_to_nothing_do_not_count_against_the_minutes(tmp_path):
    for how in ({}, {"resume": True}):
        with pytest.raises(CourseError, match="before its first update"):
            run_small(tmp_path / "r", how=how, max_steps=None, minutes=1e-9)
        assert read_tensors(tmp_path / "r" / "last.safetensors")[1]["position"]["seconds"] == 0


def test_a_checkpoint_says_what_it_belongs_to(copy):
    with safe_open(copy / "best.safetensors", framework="pt") as file:
        assert set(file.metadata()) == {"about", "sha256"}
