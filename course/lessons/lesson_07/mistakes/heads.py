"""Known wrong versions of MultiHeadAttention, and the question that leads out of each.

A wrong class is the right one with a step replaced: see :func:`heads`. Ids C01 to C17 are those of the project's
catalog of mistakes, where the heads were functions; the others are ours.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.lab.exercises.exercise import Mistake
from course.lessons.lesson_07.mistakes import modules
from course.lessons.lesson_07.reference import torch_attention

Mask = Tensor | None
Class = type[nn.Module]
Split = Callable[[Tensor, int], Tensor]  # (B, T, d), heads -> (B, H, T, d / H)
Merge = Callable[[Tensor], Tensor]
Attend = Callable[[Tensor, Tensor, Tensor, Mask], Any]
Project = Callable[[Any, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]  # (module, x_q, x_kv) -> q, k, v


def _split(x: Tensor, h: int) -> Tensor:
    return x.unflatten(-1, (h, -1)).transpose(1, 2)


def _merge(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Tensor:
    return torch_attention(q, k, v, mask)[0]


def _project(m: Any, x_q: Tensor, x_kv: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
    return m.q(x_q), m.k(x_kv), m.v(x_kv)


def _make(m: Any, d: int) -> None:  # noqa: ANN401
    m.q, m.k, m.v, m.o = (nn.Linear(d, d) for _ in range(4))


def heads(
    *,
    make: Callable[[Any, int], None] = _make,
    project: Project = _project,
    split: Split = _split,
    attend: Attend = _attend,
    merge: Merge = _merge,
    last: Callable[[Any, Tensor, Tensor], Any] = lambda m, merged, x_q: m.o(merged),
    n: Callable[[int, int], int] = lambda d, h: h,
) -> Class:
    """Return a MultiHeadAttention with a step of another kind. n: (d, heads) -> how many heads it takes."""

    class MultiHeadAttention(nn.Module):
        def __init__(self, d_model: int, n_heads: int) -> None:
            super().__init__()
            self.n_heads = n(d_model, n_heads)
            make(self, d_model)

        def forward(self, x_q: Tensor, x_kv: Tensor, mask: Mask = None) -> Any:  # noqa: ANN401
            q, k, v = (split(each, self.n_heads) for each in project(self, x_q, x_kv))
            return last(self, merge(attend(q, k, v, mask)), x_q)

    return MultiHeadAttention


def _split_by_reshape(x: Tensor, h: int) -> Tensor:
    B, T, d = x.shape
    return x.reshape(B, h, T, d // h)


def _merge_by_reshape(x: Tensor) -> Tensor:
    B, h, T, d_head = x.shape
    return x.reshape(B, T, h * d_head)


def _split_interleaved(x: Tensor, h: int) -> Tensor:
    return x.unflatten(-1, (-1, h)).permute(0, 3, 1, 2)


def _merge_interleaved(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1).flatten(2)


def _repeated(x: Tensor, h: int) -> Tensor:
    return x.repeat(1, 1, h)


def _mean_of_heads(x: Tensor) -> Tensor:
    return _repeated(x.mean(dim=1), x.shape[1])


def _sum_of_heads(x: Tensor) -> Tensor:
    return _repeated(x.sum(dim=1), x.shape[1])


def _first_head(x: Tensor) -> Tensor:
    return _repeated(x[:, 0], x.shape[1])


def _steps(
    scale: Callable[[Tensor], float] = lambda q: math.sqrt(q.shape[-1]),
    block: Callable[[Tensor, Tensor], Tensor] = lambda s, m: s.masked_fill(~m, torch.finfo(s.dtype).min),
    normalize: Callable[[Tensor], Tensor] = lambda s: s.softmax(dim=-1),
    after: Callable[[Tensor, Mask], Tensor] = lambda w, m: w if m is None else w.masked_fill(~m, 0.0),
) -> Class:
    """Return the class with a step inside attention of another kind."""

    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Tensor:
        scores = q @ k.transpose(-2, -1) / scale(q)
        if mask is not None:
            scores = block(scores, mask)
        return after(normalize(scores), mask) @ v

    return heads(attend=attend)


def _other_mask(change: Callable[[Tensor], Mask]) -> Class:
    return heads(attend=lambda q, k, v, mask: _attend(q, k, v, None if mask is None else change(mask)))


def _first_of_mask(mask: Tensor) -> Tensor:
    return mask[:1] if mask.dim() == 4 else mask


def _as_it_is(weights: Tensor, mask: Mask) -> Tensor:
    return weights


def _filled(value: float) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda s, m: s.masked_fill(~m, value)


def _without_bias(which: str) -> Callable[[Any, int], None]:
    def make(m: Any, d: int) -> None:  # noqa: ANN401
        m.q, m.k, m.v, m.o = (nn.Linear(d, d, bias=name not in which) for name in "qkvo")

    return make


def _in_a_plain_list(m: Any, d: int) -> None:  # noqa: ANN401
    m.maps = [nn.Linear(d, d).double() for _ in range(4)]


def _in_a_dict(m: Any, d: int) -> None:  # noqa: ANN401
    m.maps = {name: nn.Linear(d, d).double() for name in "qkvo"}


def _from_a_list(m: Any, x_q: Tensor, x_kv: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
    return m.maps[0](x_q), m.maps[1](x_kv), m.maps[2](x_kv)


def _from_a_dict(m: Any, x_q: Tensor, x_kv: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
    return m.maps["q"](x_q), m.maps["k"](x_kv), m.maps["v"](x_kv)


def _one_map(m: Any, d: int) -> None:  # noqa: ANN401
    m.q = m.k = m.v = nn.Linear(d, d)
    m.o = nn.Linear(d, d)


def _one_for_all(m: Any, d: int) -> None:  # noqa: ANN401
    m.q = m.k = m.v = m.o = nn.Linear(d, d)


def _one_for_keys_and_values(m: Any, d: int) -> None:  # noqa: ANN401
    m.q, m.o = nn.Linear(d, d), nn.Linear(d, d)
    m.k = m.v = nn.Linear(d, d)


def _no_output(m: Any, d: int) -> None:  # noqa: ANN401
    m.q, m.k, m.v = (nn.Linear(d, d) for _ in range(3))


def _narrow(m: Any, d: int) -> None:  # noqa: ANN401
    width = d // m.n_heads
    m.q, m.k, m.v = (nn.Linear(width, width) for _ in range(3))
    m.o = nn.Linear(d, d)


def _narrow_project(m: Any, x_q: Tensor, x_kv: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
    cut = [x.unflatten(-1, (m.n_heads, -1)) for x in (x_q, x_kv, x_kv)]
    q, k, v = (linear(x).flatten(-2) for linear, x in zip((m.q, m.k, m.v), cut, strict=True))
    return q, k, v


def _with_norm(m: Any, d: int) -> None:  # noqa: ANN401
    _make(m, d)
    m.norm = nn.LayerNorm(d)


def _cut_attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Tensor:
    return torch_attention(q, k, v, mask)[1].detach() @ v


def _nan_replaced(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Tensor:
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:  # masked_fill would write zeros over the nan on the way back; a sum hands it on
        scores = scores + torch.zeros(mask.shape, dtype=q.dtype).masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=-1).nan_to_num(0.0) @ v


def _returns_two(cls: Any) -> bool:  # noqa: ANN401
    try:
        x = torch.zeros(1, 2, 4, dtype=torch.float64)
        answer = cls(4, 2).double()(x, x)
    except Exception:  # a learner's class may raise anything
        return False
    return isinstance(answer, (tuple, list)) and len(answer) == 2 and getattr(answer[0], "shape", None) == x.shape


def _with_weights(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Any:  # noqa: ANN401
    return torch_attention(q, k, v, mask)


def _made_in_forward(m: Any, x_q: Tensor, x_kv: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
    q, k, v = (nn.Linear(x_q.shape[-1], x_q.shape[-1]).double() for _ in range(3))
    return q(x_q), k(x_kv), v(x_kv)


def _by_numpy(m: Any, merged: Tensor, x_q: Tensor) -> Tensor:  # noqa: ANN401
    return torch.from_numpy(m.o(merged).numpy())


class _WithoutSuper(nn.Module):
    def __init__(self, d_model: int, n_heads: int) -> None:
        _make(self, d_model)

    def forward(self, x_q: Tensor, x_kv: Tensor, mask: Mask = None) -> None:
        pass


_SIZES, _SHAPES = (6, 2), ((2, 3, 6), (2, 4, 6))  # of d_model and n_heads, and of x_q and x_kv, to recognize with

MULTI_HEAD_ATTENTION = (
    # What is owned.
    Mistake(
        "without_super",
        "super().__init__() is missing",
        "torch has not laid out its lists when you assign to self. Which line comes first in __init__ of Line, in "
        "section 3?",
        (_WithoutSuper,),
        recognize=modules.without_super(*_SIZES),
    ),
    Mistake(
        "no_return",
        "forward hands nothing back",
        "Does forward return anything? Which of its lines should begin with return?",
        (heads(last=modules.nothing),),
        recognize=modules.returns_nothing(_SIZES, *_SHAPES),
    ),
    Mistake(
        "not_kept",
        "Linears that are not assigned to self",
        "`parameters()` finds nothing. Is each Linear made in __init__, and assigned to self?",
        (
            heads(make=lambda m, d: None),
            heads(make=lambda m, d: None, project=_made_in_forward, last=lambda m, merged, x_q: merged),
        ),
        recognize=modules.keeps_nothing(*_SIZES),
    ),
    Mistake(
        "numpy_function",
        "a function of numpy",
        "A tensor that wants a gradient leaves torch on the way. Which function of numpy do you call, and what is "
        "torch's own called?",
        (heads(last=_by_numpy),),
        recognize=modules.raises((modules.TO_NUMPY,), _SIZES, *_SHAPES),
    ),
    Mistake(
        "not_registered",
        "Linears in a plain list or dict",
        "`parameters()` finds nothing: what stands in a plain Python list or dict is not registered, and would never "
        "be trained. Which kind of list does torch have for modules?",
        (
            heads(make=_in_a_plain_list, project=_from_a_list, last=lambda m, merged, x_q: m.maps[3](merged)),
            heads(make=_in_a_dict, project=_from_a_dict, last=lambda m, merged, x_q: m.maps["o"](merged)),
        ),
        recognize=modules.in_a_plain_container(*_SIZES),
    ),
    Mistake(
        "no_bias",
        "Linears without biases",
        "There are too few parameters by a multiple of d: some of your Linears have no bias. What does nn.Linear do "
        "unless told otherwise?",
        tuple(heads(make=_without_bias(which)) for which in ("qkvo", "qkv", "o", "k", "qk")),
    ),
    Mistake(
        "one_map",
        "one Linear under several names",
        "Your queries, keys and values, or two of them, are made by one and the same object. How many Linears did the "
        "text ask for?",
        (heads(make=_one_map), heads(make=_one_for_keys_and_values)),
    ),
    Mistake(
        "one_for_all",
        "a single Linear",
        "You own one Linear, under four names or used four times: `[...] * 4` writes the same object down four times. "
        "How many of your own did the text ask for?",
        (heads(make=_one_for_all),),
    ),
    Mistake(
        "no_output_map",
        "three Linears",
        "You own three Linears. Which of the five steps is without one?",
        (heads(make=_no_output, last=lambda m, merged, x_q: merged),),
    ),
    Mistake(
        "narrow_maps",
        "Linears of the width of one head",
        "Your Linears for queries, keys and values are as wide as one head, and all heads use them. How wide are those "
        "that the text asks for, and do the words come to them whole?",
        (heads(make=_narrow, project=_narrow_project),),
    ),
    Mistake(
        "with_norm",
        "a norm inside",
        "You own more parameters than four Linears have. Who will bring the norm, attention or the layer around it?",
        (
            heads(make=_with_norm, project=lambda m, x_q, x_kv: _project(m, m.norm(x_q), m.norm(x_kv))),
            heads(make=_with_norm, last=lambda m, merged, x_q: m.norm(m.o(merged))),
            heads(make=_with_norm, last=lambda m, merged, x_q: m.norm(x_q + m.o(merged))),
        ),
    ),
    # Heads.
    Mistake(
        "axes_never_swapped",
        "no transpose at all",
        "Print q.shape after the split: is it (B, H, T, d/H)? Which two axes have to change places, and back again in "
        "the merge?",
        (heads(split=lambda x, h: x.unflatten(-1, (h, -1)), merge=lambda x: x.flatten(2)),),
    ),
    Mistake(
        "view",
        "view after a transpose",
        "After a transpose the numbers do not lie in the order of the axes any more. `view` cannot change that, and "
        "`reshape` copies them where it must. Where do you use view?",
        (heads(merge=lambda x: x.transpose(1, 2).view(x.shape[0], x.shape[2], -1)),),
        recognize=modules.raises(("view size is not compatible",), _SIZES, *_SHAPES),
    ),
    Mistake(
        "tuple_not_unpacked",
        "both results of torch_attention taken for one",
        "`torch_attention` returns two things, and you hand on both as one tuple. Which of the two goes on to the "
        "merge?",
        (heads(attend=_with_weights),),
        recognize=modules.raises(modules.TWO_THINGS, _SIZES, *_SHAPES),
    ),
    Mistake(
        "C03",
        "split and merged by reshape alone",
        "Splitting and merging undo each other, and still no head holds a column of every word. Change one word and "
        "look at the outputs: which words notice? And which two axes should change places, twice?",
        (heads(split=_split_by_reshape, merge=_merge_by_reshape),),
    ),
    Mistake(
        "C01",
        "split by reshape alone",
        "Put a recognizable number into word 0 alone. In which heads and rows does it stand after your split? "
        "`reshape` moves nothing: which two axes must change places after it?",
        (heads(split=_split_by_reshape),),
    ),
    Mistake(
        "merge_without_swap",
        "merged by reshape alone",
        "Your heads are right, and a row of the output is put together from several words. Which two axes must change "
        "places before `reshape`?",
        (heads(merge=_merge_by_reshape),),
    ),
    Mistake(
        "interleaved",
        "every h-th column",
        "Your head 0 takes the columns 0, h, 2h and so on, in the split, in the merge or in both. Which columns does "
        "the text give to head 0?",
        (
            heads(split=_split_interleaved, merge=_merge_interleaved),
            heads(split=_split_interleaved),
            heads(merge=_merge_interleaved),
        ),
    ),
    Mistake(
        "heads_reversed",
        "heads in reverse",
        "Your heads come back in another order than they left. Which columns belong to head 0?",
        (
            heads(merge=lambda x: _merge(x.flip(1))),
            heads(split=lambda x, h: _split(x, h).flip(1)),
        ),
    ),
    Mistake(
        "width_for_number",
        "width and number of heads exchanged",
        "You cut a word into heads of n_heads columns each. Is n_heads the number of the heads or their width?",
        (heads(n=lambda d, h: d // h),),
    ),
    Mistake(
        "one_head",
        "n_heads is ignored",
        "Make your class with one head and with several: is there a difference? Where does n_heads come in?",
        (heads(n=lambda d, h: 1), heads(split=lambda x, h: x[:, None], merge=lambda x: x[:, 0])),
    ),
    Mistake(
        "fixed_heads",
        "a fixed number of heads",
        "Your class is right for one certain number of heads. Which argument do you not use?",
        # 8 fits no case, so that any error would look like it
        tuple(heads(n=lambda d, h, n=n: n) for n in (2, 3, 4)),  # type: ignore[misc]
    ),
    Mistake(
        "C13",
        "heads averaged or added, then repeated",
        "After your merge every head has the same numbers. What does an average of the heads forget, and what does "
        "laying them side by side keep?",
        (heads(merge=_mean_of_heads), heads(merge=_sum_of_heads)),
    ),
    Mistake(
        "first_head_for_all",
        "one head for all",
        "All your heads bring home the same numbers. Where in your code is one head told from another?",
        (heads(merge=_first_head),),
    ),
    # Who asks whom, and through which map.
    Mistake(
        "C05",
        "no output map",
        "You own a fourth Linear and do not use it. Which step comes after the heads lie side by side again?",
        (heads(last=lambda m, merged, x_q: merged),),
    ),
    Mistake(
        "C07",
        "a map that is used twice",
        "One of your Linears does the work of two, and another one is never called. Which of query, key and value goes "
        "through another one's map?",
        (
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), m.q(x_kv), m.v(x_kv))),
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), m.k(x_kv), m.k(x_kv))),
            heads(project=lambda m, x_q, x_kv: (m.k(x_q), m.k(x_kv), m.v(x_kv))),
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), m.v(x_kv), m.v(x_kv))),
        ),
    ),
    Mistake(
        "not_projected",
        "words that are not projected",
        "Somewhere your heads get the words as they came. Which of queries, keys and values go through a map of their "
        "own?",
        (
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), m.k(x_kv), x_kv)),
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), x_kv, m.v(x_kv))),
            heads(project=lambda m, x_q, x_kv: (x_q, m.k(x_kv), m.v(x_kv))),
            heads(project=lambda m, x_q, x_kv: (x_q, x_kv, x_kv)),
        ),
    ),
    Mistake(
        "C09",
        "keys or values from those who ask",
        "Change x_kv and leave x_q as it is: does your output notice everything? From whom do keys and values come?",
        (
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), m.k(x_q), m.v(x_q))),
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), m.k(x_kv), m.v(x_q))),
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), m.k(x_q), m.v(x_kv))),
        ),
    ),
    Mistake(
        "inputs_exchanged",
        "asks with x_kv",
        "Your output has a row for each word of x_kv. Who asks, and so gets an output: x_q or x_kv?",
        (
            heads(project=lambda m, x_q, x_kv: (m.q(x_kv), m.k(x_q), m.v(x_q))),
            heads(project=lambda m, x_q, x_kv: (m.q(x_kv), m.k(x_kv), m.v(x_kv))),
        ),
    ),
    Mistake(
        "projected_twice",
        "words that go through two maps",
        "Some of your words go through two Linears before they attend. Which step comes after *project*?",
        (
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), m.k(x_kv), m.v(m.k(x_kv)))),
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), m.k(m.q(x_kv)), m.v(x_kv))),
            heads(project=lambda m, x_q, x_kv: (m.q(x_q), m.q(m.k(x_kv)), m.v(x_kv))),
            heads(last=lambda m, merged, x_q: m.o(m.o(merged))),
        ),
    ),
    Mistake(
        "bent",
        "a ReLU in between",
        "Some of your numbers can never be negative. Which of the five steps bends anything?",
        (
            heads(project=lambda m, x_q, x_kv: (m.q(x_q).relu(), m.k(x_kv).relu(), m.v(x_kv).relu())),
            heads(last=lambda m, merged, x_q: m.o(merged).relu()),
            heads(last=lambda m, merged, x_q: m.o(merged.relu())),
        ),
    ),
    Mistake(
        "C17",
        "adds the words of those who ask",
        "Besides what the heads bring home you add x_q. The path around a sublayer comes in section 6: does it stand "
        "inside of attention?",
        (heads(last=lambda m, merged, x_q: m.o(merged) + x_q), heads(last=lambda m, merged, x_q: m.o(merged + x_q))),
    ),
    # Attention.
    Mistake(
        "no_scale",
        "no scale",
        "Your scores are as large as the dot products. Which step comes between them and softmax?",
        (_steps(scale=lambda q: 1.0),),
    ),
    Mistake(
        "scale_by_d_model",
        "divided by the root of d_model",
        "You divide by the root of the whole width. Over how many numbers does a dot product of one head sum?",
        (_steps(scale=lambda q: math.sqrt(q.shape[-1] * q.shape[1])),),
    ),
    Mistake(
        "scale_by_d_head",
        "divided by d_head, or twice by its root",
        "Your scores are divided by d_head in all. By what must they be divided so that their variance becomes 1, and "
        "does your `torch_attention` do that already?",
        (_steps(scale=lambda q: q.shape[-1]),),
    ),
    Mistake(
        "scale_by_other_size",
        "divided by the root of n_heads or of a length",
        "You divide by the root of a size that no dot product sums over. Which of H, Tq, Tk and d_head is the number "
        "of its terms?",
        (_steps(scale=lambda q: math.sqrt(q.shape[1])), _steps(scale=lambda q: math.sqrt(q.shape[-2]))),
    ),
    Mistake(
        "C11",
        "softmax across the heads",
        "Fix a head and a query and sum its weights over the keys: is it 1? Do heads share one unit of attention, or "
        "has each its own?",
        (_steps(normalize=lambda s: s.softmax(dim=1)),),
    ),
    Mistake(
        "softmax_over_queries",
        "softmax over the queries",
        "Fix a head and a query and sum its weights over the keys: is it 1? Along which axis do the keys lie?",
        (_steps(normalize=lambda s: s.softmax(dim=-2)), _steps(normalize=lambda s: s.softmax(dim=0))),
    ),
    Mistake(
        "no_softmax",
        "scores used as weights",
        "Your weights can be negative. Which step makes shares of scores?",
        (_steps(normalize=lambda s: s), _steps(normalize=torch.sigmoid)),
    ),
    Mistake(
        "dropout",
        "dropout where none was asked for",
        "In training mode your output is another one at every call. Did the text ask for dropout here?",
        (
            _steps(after=lambda w, m: F.dropout(w if m is None else w.masked_fill(~m, 0.0), 0.1)),
            heads(last=lambda m, merged, x_q: F.dropout(m.o(merged), 0.1, m.training)),
            heads(last=lambda m, merged, x_q: F.dropout(m.o(merged), 0.1)),
        ),
    ),
    # Masks.
    Mistake(
        "C15",
        "the mask is forgotten",
        "Call your module with and without a mask: does anything change? Where would it have to be handed on?",
        (_other_mask(lambda mask: None),),
    ),
    Mistake(
        "mask_inverted",
        "the mask read the wrong way round",
        "Your blocked keys are those that should be seen. Does True mean may attend, or blocked?",
        (_other_mask(lambda mask: ~mask),),
    ),
    Mistake(
        "mask_of_one_sentence",
        "the first sentence's mask for all",
        "Every sentence is masked as the first one is. Which axes of (B, H, Tq, Tk) may you index?",
        (_other_mask(_first_of_mask),),
    ),
    Mistake(
        "mask_after_softmax",
        "blocked after softmax",
        "Sum the weights of a masked row: it is less than 1. Had the blocked keys already got a share when you removed "
        "them?",
        (_steps(block=lambda s, m: s),),
    ),
    Mistake(
        "mask_weak_fill",
        "blocked scores made small, not impossible",
        "A blocked key still gets a share. What must its score be so that exp() of it is 0?",
        (
            *(_steps(block=_filled(value), after=_as_it_is) for value in (0.0, -1.0, -5.0, -10.0)),
            _steps(block=lambda s, m: s * m, after=_as_it_is),
            _steps(block=lambda s, m: s + m, after=_as_it_is),
        ),
    ),
    Mistake(
        "empty_row_nan",
        "an empty row gives nan",
        "A query that may attend to nothing gets nan from you, and nan spreads through the output map. Your "
        "`torch_attention` has a rule for it: which weights does such a query get?",
        (
            _steps(block=_filled(-torch.inf), after=_as_it_is),
            _steps(block=_filled(-torch.inf), after=lambda w, m: w if m is None else w * m),
        ),
    ),
    Mistake(
        "empty_row_uniform",
        "an empty row gives equal shares",
        "A query that may attend to nothing gets the average of all values from you. Your `torch_attention` has a rule "
        "for it: which weights does such a query get?",
        (
            _steps(after=_as_it_is),
            *(_steps(block=_filled(value), after=_as_it_is) for value in (-1e9, -1e20, -1e30, -1e4)),
        ),
    ),
    # What comes back, and gradients.
    Mistake(
        "returns_weights_too",
        "returns the weights as well",
        "Two things come back, and the text asks for the output alone. Which of them do later layers take?",
        (
            heads(
                attend=_with_weights, merge=lambda both: both, last=lambda m, both, x_q: (m.o(_merge(both[0])), both[1])
            ),
        ),
        recognize=_returns_two,
    ),
    Mistake(
        "nan_replaced",
        "nan set to 0 after the softmax",
        "With an empty row your output is right and the gradient is nan: it goes back through the place where the nan "
        "was. Does your `torch_attention` let one arise?",
        (heads(attend=_nan_replaced),),
    ),
    Mistake(
        "weights_cut",
        "weights without a gradient",
        "Values can be trained, queries and keys cannot: your attention weights do not remember how they were "
        "computed. Which of your lines makes them forget?",
        (heads(attend=_cut_attend),),
    ),
    Mistake(
        "graph_cut",
        "a gradient is cut off",
        "Your output is right, and a part of the gradient is missing. Where do you use detach, data, numpy or no_grad?",
        (
            heads(project=lambda m, x_q, x_kv: _project(m, x_q.detach(), x_kv.detach())),
            heads(project=lambda m, x_q, x_kv: _project(m, x_q, x_kv.detach())),
            heads(last=lambda m, merged, x_q: m.o(merged.detach())),
            heads(last=lambda m, merged, x_q: m.o(merged).detach()),
        ),
    ),
)
