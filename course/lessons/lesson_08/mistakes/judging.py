"""Known wrong versions of properties, and the question that leads out of each.

A wrong judge is the right one with one of its four tests replaced: see :func:`judge`. Tests that find nothing for
different reasons give the same answers; those are recognized by how they call the model.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from course.lab.exercises.exercise import Function, Mistake
from course.lab.exercises.later import Later

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from course.lessons.lesson_08 import testing
else:
    torch, testing = Later("torch"), Later("course.lessons.lesson_08.testing")

Test = Callable[["nn.Module", "Tensor", "Tensor", "Tensor"], bool]  # model, src, tgt, logits -> violated


def _sentences() -> "tuple[Tensor, Tensor]":
    generator = torch.Generator().manual_seed(8)
    src = torch.randint(testing.FIRST, testing.VOCAB, (3, 6), generator=generator)
    return src, torch.randint(testing.FIRST, testing.VOCAB, (3, 7), generator=generator)


# ---- The right tests, one by one -------------------------------------------------------------------------------


def _changed_at(tgt: "Tensor", t: int) -> "Tensor":
    changed = tgt.clone()
    changed[:, t] = testing.other_words(tgt)[:, t]
    return changed


def _causality(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    places = range(1, tgt.shape[1])
    return any(testing.moved(model(src, _changed_at(tgt, t))[:, :t], logits[:, :t]) for t in places)


def _padded(src: "Tensor", n: int = 2) -> "Tensor":
    return torch.cat([src, torch.full((len(src), n), testing.PAD)], dim=1)


def _open(tokens: "Tensor") -> "Tensor":
    return (tokens != testing.PAD)[:, None, None, :]


def _padding(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    padded = _padded(src)
    return testing.moved(model(padded, tgt, src_mask=_open(padded)), logits)


def _memory(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return not testing.moved(model(testing.other_words(src), tgt), logits)


def _batch(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    alone = (model(src[b : b + 1], tgt[b : b + 1]) for b in range(len(src)))
    return any(testing.moved(one, logits[b : b + 1]) for b, one in enumerate(alone))


def judge(
    causality: Test = _causality,
    padding: Test = _padding,
    memory: Test = _memory,
    batch: Test = _batch,
    mode: bool | None = False,
    answer: Callable[[list[str]], Any] = set,
) -> Function:
    """Return a judge of these tests.

    mode: whether training mode is switched on; None leaves the model as it came. answer: what is made of the names.
    """
    tests = {"causality": causality, "padding": padding, "memory": memory, "batch": batch}

    def properties(model: "nn.Module") -> Any:  # noqa: ANN401
        if mode is not None:
            model.train(mode)
        with torch.no_grad():
            src, tgt = _sentences()
            logits = model(src, tgt)
            return answer([name for name, test in tests.items() if test(model, src, tgt, logits)])

    return properties


def _never(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return False


def _inverted(test: Test) -> Test:
    return lambda model, src, tgt, logits: not test(model, src, tgt, logits)


# ---- Wrong tests of causality ----------------------------------------------------------------------------------


def _causality_at(places: Callable[[int], list[int]]) -> Test:
    """Return a test that changes some places only."""

    def test(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
        at = places(tgt.shape[1])
        return any(testing.moved(model(src, _changed_at(tgt, t))[:, :t], logits[:, :t]) for t in at if t)

    return test


def _causality_at_one(t: int) -> Test:
    return _causality_at(lambda n: [t])


def _causality_compared(choose: "Callable[[Tensor, int], Tensor]") -> Test:
    """Return a test that compares other places than those before t."""

    def test(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
        at = range(1, tgt.shape[1])
        pairs = ((choose(model(src, _changed_at(tgt, t)), t), choose(logits, t)) for t in at)
        return any(one.numel() > 0 and testing.moved(one, other) for one, other in pairs)

    return test


def _causality_shapes(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    at = range(1, tgt.shape[1])
    return any(model(src, _changed_at(tgt, t))[:, :t].shape != logits[:, :t].shape for t in at)


def _causality_unchanged(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return testing.moved(model(src, tgt.clone())[:, :3], logits[:, :3])


def _causality_under_mask(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    n = tgt.shape[1]
    mask = torch.ones(n, n, dtype=torch.bool).tril()
    before = model(src, tgt, tgt_mask=mask)
    return any(testing.moved(model(src, _changed_at(tgt, t), tgt_mask=mask)[:, :t], before[:, :t]) for t in range(1, n))


def _causality_of_source(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    at = range(1, src.shape[1])
    return any(testing.moved(model(_changed_at(src, t), tgt)[:, :t], logits[:, :t]) for t in at)


def _causality_loose(limit: float) -> Test:
    def test(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
        at = range(1, tgt.shape[1])
        return any(bool((model(src, _changed_at(tgt, t)) - logits)[:, :t].abs().max() > limit) for t in at)

    return test


def _causality_by_decrease(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    """Without abs: only what grows counts, and the mean hides the rest."""
    at = range(1, tgt.shape[1])
    return any(abs(float((model(src, _changed_at(tgt, t)) - logits)[:, :t].mean())) > 1e-2 for t in at)


def _causality_in_place(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    found = False
    for t in range(1, tgt.shape[1]):
        tgt[:, t] = testing.other_words(tgt)[:, t]
        found = testing.moved(model(src, tgt)[:, :t], logits[:, :t]) or found
    return found


def _causality_on_one_copy(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return _causality_in_place(model, src, tgt.clone(), logits)


def _causality_of_a_tail(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    changed = testing.other_words(tgt)
    changed[:, :3] = tgt[:, :3]
    return testing.moved(model(src, changed)[:, :3], logits[:, :3])


# ---- Wrong tests of padding ------------------------------------------------------------------------------------


def _pads_unmasked(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return testing.moved(model(_padded(src), tgt), logits)


def _mask_without_pads(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return testing.moved(model(src, tgt, src_mask=_open(src)), logits)


def _mask_turned(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    padded = _padded(src)
    return testing.moved(model(padded, tgt, src_mask=~_open(padded)), logits)


def _pads_on_the_left(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    padded = _padded(src).roll(2, dims=1)
    return testing.moved(model(padded, tgt, src_mask=_open(padded)), logits)


def _pads_in_target(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return testing.moved(model(src, _padded(tgt))[:, : tgt.shape[1]], logits)


def _pads_instead_of_words(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    padded = src.clone()
    padded[:, -2:] = testing.PAD
    return testing.moved(model(padded, tgt, src_mask=_open(padded)), logits)


def _mask_flat(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    padded = _padded(src)
    return testing.moved(model(padded, tgt, src_mask=padded != testing.PAD), logits)


def _mask_in_floats(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    padded = _padded(src)
    return testing.moved(model(padded, tgt, src_mask=_open(padded).float()), logits)


def _padding_of_memory(model: Any, src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:  # noqa: ANN401
    padded = _padded(src)
    return testing.moved(model.encode(padded, _open(padded))[:, : src.shape[1]], model.encode(src))


# ---- Wrong tests of the memory ---------------------------------------------------------------------------------


def _memory_other_target(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return not testing.moved(model(src, testing.other_words(tgt)), logits)


def _memory_of_encode(model: Any, src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:  # noqa: ANN401
    return not testing.moved(model.encode(testing.other_words(src)), model.encode(src))


def _memory_both(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return not testing.moved(model(testing.other_words(src), testing.other_words(tgt)), logits)


def _memory_replaced(model: Any, src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:  # noqa: ANN401
    memory = model.encode(src)
    return not testing.moved(model.decode(tgt, torch.zeros_like(memory)), logits)


# ---- Wrong tests of the batch ----------------------------------------------------------------------------------


def _first_sentence(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return testing.moved(model(src[:1], tgt[:1]), logits[:1])


def _batch_twice(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return testing.moved(model(src.clone(), tgt.clone()), logits)


def _copies(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    one = model(src[:1], tgt[:1])
    return testing.moved(model(src[:1].repeat(3, 1), tgt[:1].repeat(3, 1)), one.expand(3, -1, -1))


def _shuffled(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return testing.moved(model(src.flip(0), tgt.flip(0)), logits)


def _put_back(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return testing.moved(model(src.flip(0), tgt.flip(0)).flip(0), logits)


def _neighbors(model: "nn.Module", src: "Tensor", tgt: "Tensor", logits: "Tensor") -> bool:
    return not testing.moved(logits[0], logits[1])


# ---- Recognized by how they call the model ---------------------------------------------------------------------


def _found(function: Function, name: str) -> "tuple[list[Any], str]":
    try:
        return testing.spied(function, name)
    except Exception:  # whatever the learner's function may raise
        return [], "an exception"


def _calls(function: Function, name: str) -> "tuple[list[Any], bool]":
    """How a model was called until the end or an exception, and whether something was wrong: found, or raised."""
    spy = testing.Spy(testing.suspect(name))
    try:
        return spy.calls, bool(function(spy))
    except Exception:  # whatever the learner's function may raise
        return spy.calls, True


def tests_in_training_mode(function: Function) -> bool:
    """Whether a sound model is found broken by outputs that were made in training mode."""
    calls, wrong = _calls(function, "sound")
    return wrong and any(call.training for call in calls)


def writes_into_its_sentences(function: Function) -> bool:
    """Whether the sentences of the first call, which others are compared with, are written into afterwards."""
    calls, wrong = _calls(function, "sound")
    return wrong and bool(calls) and calls[0].overwritten


def mask_has_two_axes(function: Function) -> bool:
    """Whether a mask of the source comes as (B, S)."""
    calls, wrong = _calls(function, "sound")
    masks = [call.src_mask for call in calls if isinstance(call.src_mask, torch.Tensor)]
    return wrong and any(mask.dim() == 2 for mask in masks)


def mask_holds_numbers(function: Function) -> bool:
    """Whether a mask of the source is none of booleans."""
    calls, wrong = _calls(function, "sound")
    masks = [call.src_mask for call in calls if isinstance(call.src_mask, torch.Tensor)]
    return wrong and any(mask.dtype != torch.bool for mask in masks)


def tries_some_places(function: Function) -> bool:
    """Whether an edge to the future is found at some places and not at all of them."""
    try:
        found = ["causality" in function(testing.with_open_edge(k)) for k in range(testing.EDGES)]
        return any(found) and not all(found) and "causality" not in function(testing.suspect("sound"))
    except Exception:  # whatever the learner's function may raise
        return False


def never_calls(function: Function) -> bool:
    """Whether the model is never called."""
    calls, found = _found(function, "no mask")
    return not calls and found != "an exception"


def _targets(calls: "list[Any]") -> "list[Tensor]":
    """The targets of the calls with whole batches of equal shape."""
    shape = calls[0].tgt.shape
    return [call.tgt for call in calls if call.tgt.shape == shape]


def _places_changed(calls: "list[Any]") -> set[int]:
    first, *others = _targets(calls)
    return {int(t) for other in others for t in (other != first).any(dim=0).nonzero().flatten()}


def causality_never_changes(function: Function) -> bool:
    """Whether the future is never changed, and a leak not found."""
    calls, found = _found(function, "no mask")
    return bool(calls) and "causality" not in found and not _places_changed(calls)


def causality_changes_the_first(function: Function) -> bool:
    """Whether only the first word is changed, which has nothing before it."""
    calls, found = _found(function, "no mask")
    return bool(calls) and "causality" not in found and _places_changed(calls) == {0}


def causality_compares_shapes(function: Function) -> bool:
    """Whether the future is changed, and not even a leak without any mask is found."""
    calls, found = _found(function, "no mask")
    changed = _places_changed(calls) if calls else set()
    return "causality" not in found and bool(changed - {0}) and not any(c.tgt_mask is not None for c in calls)


def _padding_told(function: Function, name: str, wanted: "Callable[[Any, Any], bool]", *, found: bool) -> bool:
    """Whether padding is found (or not) in a model, and some call is as wanted, compared with the first one."""
    calls, said = _found(function, name)
    return bool(calls) and ("padding" in said) == found and any(wanted(call, calls[0]) for call in calls)


def _pads(tokens: "Tensor") -> "Tensor":
    return tokens == testing.PAD


def _told_of(call: Any) -> "Tensor":  # noqa: ANN401
    """Which tokens of the source the mask of a call leaves open: (B, S)."""
    closed = call.src_mask
    return (
        torch.ones_like(call.src, dtype=torch.bool)
        if closed is None
        else closed.expand(len(call.src), 1, 1, -1)[:, 0, 0]
    )


def pads_without_mask(function: Function) -> bool:
    """Whether pads are added without any mask."""
    return _padding_told(
        function, "sound", lambda call, first: call.src_mask is None and bool(_pads(call.src).any()), found=True
    )


def mask_is_turned(function: Function) -> bool:
    """Whether a mask closes words and opens pads."""
    return _padding_told(
        function,
        "sound",
        lambda call, first: bool(_pads(call.src).any()) and torch.equal(_told_of(call), _pads(call.src)),
        found=True,
    )


def pads_in_front(function: Function) -> bool:
    """Whether pads stand before the words, so that these move on."""
    return _padding_told(
        function,
        "sound",
        lambda call, first: call.src.shape[1] > first.src.shape[1] and bool(_pads(call.src[:, 0]).all()),
        found=True,
    )


def pads_replace_words(function: Function) -> bool:
    """Whether pads take the places of words."""
    return _padding_told(
        function,
        "sound",
        lambda call, first: (
            call.src.shape == first.src.shape
            and bool(_pads(call.src).any())
            and torch.equal(_told_of(call), ~_pads(call.src))
        ),
        found=True,
    )


def never_pads(function: Function) -> bool:
    """Whether no source of any call has pads, and padding is not found."""
    calls, said = _found(function, "encoder sees pads")
    return bool(calls) and "padding" not in said and not any(bool(_pads(call.src).any()) for call in calls)


def pads_in_vain(function: Function) -> bool:
    """Whether pads are added behind a mask, and padding is not found."""
    return _padding_told(
        function,
        "encoder sees pads",
        lambda call, first: bool(_pads(call.src).any()) and torch.equal(_told_of(call), ~_pads(call.src)),
        found=False,
    )


def _batch_missed(function: Function, wanted: "Callable[[Tensor, Tensor], bool]") -> bool:
    """Whether a mixing of the batch is not found, and the sources of some call are as wanted, beside the first ones."""
    calls, said = _found(function, "mean over the batch")
    return bool(calls) and "batch" not in said and any(wanted(call.src, calls[0].src) for call in calls)


def copies_only(function: Function) -> bool:
    """Whether a batch holds one sentence several times."""
    return _batch_missed(function, lambda src, first: len(src) > 1 and bool((src == src[0]).all()))


def reorders_only(function: Function) -> bool:
    """Whether the same sentences come in another order."""
    return _batch_missed(
        function,
        lambda src, first: (
            src.shape == first.shape and not torch.equal(src, first) and sorted(src.tolist()) == sorted(first.tolist())
        ),
    )


PROPERTIES = (
    # What comes back.
    Mistake(
        "what_holds",
        "the properties that hold",
        "You return the properties that the model has. Which ones does the text ask for?",
        (judge(answer=lambda names: {"causality", "padding", "memory", "batch"} - set(names)),),
    ),
    Mistake(
        "first_only",
        "the first violated property only",
        "You stop at the first property that is violated. What if a model violates two?",
        (judge(answer=lambda names: set(names[:1])), judge(answer=lambda names: set(names[-1:]))),
    ),
    Mistake(
        "a_list",
        "a list instead of a set",
        "Your names come back in a list, in which one could stand twice. What does `set()` make?",
        (judge(answer=list), judge(answer=tuple)),
    ),
    Mistake(
        "yes_or_no",
        "yes or no",
        "You return a single yes or no. How would anybody know which test has caught the model?",
        (judge(answer=bool), judge(answer=lambda names: not names), judge(answer=len)),
    ),
    Mistake(
        "a_table",
        "a table of results",
        "You return a table of all four. Which of its names belong into the set?",
        (
            judge(answer=lambda names: {n: n in names for n in ("causality", "padding", "memory", "batch")}),
            judge(answer=lambda names: {n: n not in names for n in ("causality", "padding", "memory", "batch")}),
            judge(answer=dict.fromkeys),
        ),
    ),
    # In which mode.
    Mistake(
        "dropout_left_on",
        "the model is tested in training mode",
        "You say of a sound Transformer that it is broken. It comes with dropout, in training mode: what does dropout "
        "do to two outputs that should be equal?",
        (judge(mode=None), judge(mode=True)),
        recognize=tests_in_training_mode,
    ),
    # What is changed, and what only seems to be another tensor.
    Mistake(
        "writes_into_the_target",
        "a change that is written into tgt itself",
        "You write into tgt itself, so that from then on all your outputs belong to another sentence than the first "
        "one. A second name for a tensor is no second tensor: what does `tgt.clone()` make?",
        (judge(causality=_causality_in_place),),
        recognize=writes_into_its_sentences,
    ),
    # The mask of the source.
    Mistake(
        "mask_of_two_axes",
        "a mask (B, S) instead of (B, 1, 1, S)",
        "Your src_mask has two axes, (B, S). It meets scores with four, (B, H, T, S): which two are missing, and where "
        "do they belong?",
        (judge(padding=_mask_flat),),
        recognize=mask_has_two_axes,
    ),
    Mistake(
        "mask_of_floats",
        "a mask of numbers instead of True and False",
        "Your mask holds floats, or whole numbers. A mask of this course is of True and False: what does a comparison "
        "give, such as `!=`?",
        (judge(padding=_mask_in_floats),),
        recognize=mask_holds_numbers,
    ),
    # All tests.
    Mistake(
        "never_calls",
        "the model is never called",
        "You judge the model without calling it once. What would you have to see of it?",
        (lambda model: set(),),
        recognize=never_calls,
    ),
    # Causality.
    Mistake(
        "causality_never_changes",
        "a test that never changes the future",
        "Your test of causality never changes a word of the target. What could move then?",
        (judge(causality=_causality_unchanged),),
        recognize=causality_never_changes,
    ),
    Mistake(
        "causality_changes_the_first",
        "a test that changes only the first word",
        "Your test of causality changes the first word, and everything may depend on that. Which words have any before "
        "them?",
        (judge(causality=lambda model, src, tgt, logits: bool(model(src, _changed_at(tgt, 0)).isnan().any())),),
        recognize=causality_changes_the_first,
    ),
    Mistake(
        "causality_compares_shapes",
        "a test that does not look at the numbers",
        "You change the future and do not see what moves, not even in a model without any mask. What do you compare, "
        "shapes or numbers?",
        (judge(causality=_causality_shapes),),
        recognize=causality_compares_shapes,
    ),
    Mistake(
        "causality_at_some_places",
        "a test that changes one place, or a tail",
        "You change one place, or a few, or one tail, and compare what stands before. A model may hide every word but "
        "one from the place before it: how do you try every t?",
        (
            judge(causality=_causality_at(lambda n: [n - 1])),
            judge(
                causality=lambda model, src, tgt, logits: testing.moved(
                    model(src, tgt[:, :-1]), logits[:, : tgt.shape[1] - 1]
                )
            ),
            *(judge(causality=_causality_at_one(t)) for t in (1, 2, 3, 5)),
            judge(causality=_causality_at(lambda n: list(range(1, n, 2)))),
            judge(causality=_causality_at(lambda n: list(range(1, n - 1)))),
            judge(causality=_causality_at(lambda n: list(range(2, n)))),
            judge(causality=_causality_of_a_tail),
        ),
        recognize=tries_some_places,
    ),
    Mistake(
        "causality_looks_at_the_first",
        "a test that looks at the first place only",
        "Your test of causality looks at the first place only. Who sees one word too far sees it from everywhere: "
        "which places lie before a changed word?",
        (judge(causality=_causality_compared(lambda x, t: x[:, :1] if t == x.shape[1] - 1 else x[:, :0])),),
    ),
    Mistake(
        "causality_looks_too_far",
        "a test that looks at the changed word too",
        "Your test says of a sound Transformer that it sees the future. You compare places that may move: which ones "
        "lie *before* the changed word, and is everything there as it was?",
        (
            judge(causality=_causality_on_one_copy),
            judge(causality=_causality_compared(lambda x, t: x[:, : t + 1])),
            judge(causality=_causality_compared(lambda x, t: x)),
            judge(causality=_causality_compared(lambda x, t: x[:, t:])),
            judge(causality=_causality_compared(lambda x, t: x[:, -1:])),
            judge(causality=_causality_of_source),
        ),
    ),
    Mistake(
        "causality_inverted",
        "a test of causality turned around",
        "You say of a sound Transformer that it sees the future, and of one without a mask that it does not. When is "
        "the property violated: if something moves, or if nothing does?",
        (judge(causality=_inverted(_causality)),),
        whole=True,
    ),
    Mistake(
        "causality_under_a_mask",
        "a test that hands over the mask itself",
        "You hand over a causal mask, so that the model's own is never asked for. What does the model do where "
        "tgt_mask is None?",
        (judge(causality=_causality_under_mask),),
    ),
    Mistake(
        "causality_too_loose",
        "a limit that is too generous",
        "A model that lets a little of the future through passes your test. The numbers here have sixteen digits: how "
        "small is what rounding moves, and how small a leak do you allow?",
        (
            judge(causality=_causality_loose(1e-2)),
            judge(causality=_causality_loose(1e-3)),
            judge(causality=_causality_loose(0.05)),
            judge(causality=_causality_by_decrease),
        ),
    ),
    # Padding.
    Mistake(
        "pads_without_mask",
        "pads that no mask closes",
        "Your test says of a sound Transformer that it minds pads. Nobody told it which words are pads: what belongs "
        "to a padded batch?",
        (judge(padding=_pads_unmasked),),
        recognize=pads_without_mask,
    ),
    Mistake(
        "mask_turned",
        "a mask that closes the words",
        "Your test says of a sound Transformer that it minds pads. What does True mean in your mask?",
        (judge(padding=_mask_turned),),
        recognize=mask_is_turned,
    ),
    Mistake(
        "padding_inverted",
        "a test of padding turned around",
        "You say of a sound Transformer that it minds pads, and of one that listens to them that it does not. When is "
        "the property violated: if something moves, or if nothing does?",
        (judge(padding=_inverted(_padding)),),
        whole=True,
    ),
    Mistake(
        "pads_on_the_left",
        "pads in front",
        "Your test says of a sound Transformer that it minds pads. You put them in front, so that all words stand at "
        "other places: may their vectors stay?",
        (judge(padding=_pads_on_the_left),),
        recognize=pads_in_front,
    ),
    Mistake(
        "pads_instead_of_words",
        "words replaced by pads",
        "Your test says of a sound Transformer that it minds pads. You have overwritten words: is what is left the "
        "same sentence?",
        (judge(padding=_pads_instead_of_words),),
        recognize=pads_replace_words,
    ),
    Mistake(
        "mask_without_pads",
        "a mask and nothing behind it",
        "Your test of padding hands over a mask and no pads, or pads in the wrong sentence. What has to be added, and "
        "to which of the two sentences, for a mask to have something to hide?",
        (judge(padding=_mask_without_pads), judge(padding=_pads_in_target)),
        recognize=never_pads,
    ),
    Mistake(
        "padding_of_memory",
        "padding tested in the encoder alone",
        "Your test of padding looks at the memory. Who else could listen to pads?",
        (judge(padding=_padding_of_memory),),
    ),
    Mistake(
        "padding_never_found",
        "padding is not tested",
        "No Transformer violates padding in your eyes. What do you compare with what, and do any numbers enter into "
        "it?",
        (
            judge(
                padding=lambda model, src, tgt, logits: (
                    model(_padded(src), tgt, _open(_padded(src))).shape != logits.shape
                )
            ),
        ),
        recognize=pads_in_vain,
    ),
    # The memory.
    Mistake(
        "memory_inverted",
        "a test of the memory turned around",
        "You say of a sound Transformer that it does not use its memory. Here something *must* move: when is the "
        "property violated?",
        (judge(memory=_inverted(_memory)),),
        whole=True,
    ),
    Mistake(
        "memory_of_encode",
        "a test that looks at the memory instead of the logits",
        "Your test finds that the memory changes with the source. Does anybody read it?",
        (judge(memory=_memory_of_encode),),
    ),
    Mistake(
        "memory_other_target",
        "another target instead of another source",
        "Your test changes the target, which moves the logits of every decoder. What must they depend on besides?",
        (judge(memory=_memory_other_target), judge(memory=_memory_both)),
    ),
    Mistake(
        "memory_replaced",
        "a memory of zeros",
        "Your test hands zeros to decode in the place of a memory. A decoder notices that: and an encoder that never "
        "looks at its words?",
        (judge(memory=_memory_replaced),),
    ),
    # The batch.
    Mistake(
        "first_sentence",
        "a test of the first sentence only",
        "Your test takes the first sentence out of the batch and no other. One model is right for sentence 0 alone: "
        "which ones should be tried?",
        (judge(batch=_first_sentence),),
    ),
    Mistake(
        "same_batch_twice",
        "the same batch twice",
        "Your test hands the same batch over twice, or copies of one sentence. Which sentences should be missing or "
        "others the second time?",
        (judge(batch=_batch_twice), judge(batch=_neighbors)),
    ),
    Mistake(
        "copies",
        "a batch of copies",
        "Your batch holds the same sentence three times. What could one of them learn from the others that it does "
        "not know already?",
        (judge(batch=_copies),),
        recognize=copies_only,
    ),
    Mistake(
        "not_put_back",
        "another order that is not put back",
        "Your test says of a sound Transformer that its sentences influence each other. You changed their order: did "
        "you compare each with itself?",
        (judge(batch=_shuffled),),
    ),
    Mistake(
        "order_only",
        "the same sentences in another order",
        "Your test puts the sentences into another order, and back. Two models mix them all, which no order can "
        "change: what is different for a sentence that stands alone?",
        (judge(batch=_put_back),),
        recognize=reorders_only,
    ),
    Mistake(
        "batch_inverted",
        "a test of the batch turned around",
        "You say of a sound Transformer that its sentences influence each other, and of a broken one that they do "
        "not. When is the property violated?",
        (judge(batch=_inverted(_batch)),),
        whole=True,
    ),
)
