"""Works with the torch modules that learners write, whatever their layout: copies weights into them and observes them.

    observe = observing(reference.EncoderLayer)           # goes into the Exercise
    Case(..., lambda: (Made({"d_model": 8, "n_heads": 2}), x, mask), ...)

A class keeps its signature; how it calls its parts, in which order it makes them, whether it stacks three matrices in
one and whether it writes its norms out is the learner's. So weights are copied part by part: a linear map with its
bias, a norm's gain and bias, a table. Parts of the same kind and shape are paired in the order in which the class makes
them; where that gives another output than the reference, other orders of its direct parts are tried. Imports torch.
"""

import functools
import itertools
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course.lab.exercises.run import NoTensor

Observation = dict[str, Any]
_ORDERS: weakref.WeakKeyDictionary[type, tuple[str, ...]] = (
    weakref.WeakKeyDictionary()
)  # of parts, where it is not theirs
_MOST_ORDERS = 200


@dataclass(frozen=True)
class Made:
    """What a class is made with in a case, and how it is used: the first argument of each case on modules.

    sizes: the constructor's arguments, in their order. method: what is called. training: the mode. seed: of the
    weights, and of what is drawn in training mode.
    """

    sizes: Mapping[str, Any]
    method: str = "forward"
    training: bool = False
    seed: int = 0

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={value}" for name, value in self.sizes.items())
        return f"({sizes}), in {'training' if self.training else 'evaluation'} mode"


@dataclass(frozen=True)
class Part:
    """Trained numbers that belong together: rows of parameters. kind: "linear", "norm" or "table"."""

    kind: str
    shape: tuple[int, ...]
    pieces: tuple[tuple[nn.Parameter, slice], ...]  # with the rows that belong to it
    listed: bool = False  # whether it stands in a list of modules, as those of the layers of a stack do

    def data(self) -> list[Tensor]:
        """The numbers, as views that can be written to."""
        return [p.detach()[rows] for p, rows in self.pieces]

    def gradients(self) -> list[Tensor]:
        """Their gradients; zeros where there is none."""
        return [(torch.zeros_like(p) if p.grad is None else p.grad)[rows] for p, rows in self.pieces]


_ALL = slice(None)
_STACKED = ("in_proj", "qkv", "kv", "qk")  # what a map is called that is several on top of each other
_BIASES, _GAINS = ("bias", "beta", "shift"), ("gain", "gamma", "weight", "scale")


def parts(module: nn.Module, whole: frozenset[tuple[int, ...]] = frozenset()) -> list[Part]:
    """Return the parts of a module in the order in which it makes them, each parameter once.

    whole: shapes of linear maps that are one map. Others whose height is twice or three times their width are several,
    as are those with a name that says so.
    """
    return list(_parts(module, "", set(), whole))


def _parts(module: nn.Module, called: str, seen: set[int], whole: frozenset[tuple[int, ...]]) -> Iterator[Part]:
    own = {name: p for name, p in module.named_parameters(recurse=False) if id(p) not in seen}
    seen.update(map(id, own.values()))
    if isinstance(module, nn.Linear):
        yield from _linear(own, called in _STACKED or bool(whole) and tuple(module.weight.shape) not in whole)
    else:
        yield from _loose(own)
    children = _children(module)
    order = _ORDERS.get(type(module), ())
    for name in order if set(order) == set(children) else children:
        for part in _parts(children[name], name, seen, whole):
            yield replace(part, listed=part.listed or "." in name or isinstance(module, nn.ModuleList))


def _children(module: nn.Module) -> dict[str, nn.Module]:
    """The direct parts of a module by name; those in a list of simple modules, such as norms, stand for themselves."""
    found: dict[str, nn.Module] = {}
    for name, child in module.named_children():
        entries = dict(child.named_children()) if isinstance(child, nn.ModuleList) else {}
        if entries and not any(list(entry.children()) for entry in entries.values()):
            found |= {f"{name}.{i}": entry for i, entry in entries.items()}
        else:
            found[name] = child
    return found


def _linear(own: Mapping[str, nn.Parameter], stacked: bool) -> Iterator[Part]:
    """One map, or several of the same size that stand on top of each other."""
    if "weight" not in own:  # shared with a table, which has been seen
        return
    weight, bias = own["weight"], own.get("bias")
    rows, columns = weight.shape
    n = rows // columns if stacked and rows in (2 * columns, 3 * columns) else 1
    for i in range(n):
        at = slice(i * rows // n, (i + 1) * rows // n)
        pieces = [(weight, at), *([] if bias is None else [(bias, at)])]
        yield Part("table" if bias is None else "linear", (rows // n, columns), tuple(pieces))


def _loose(own: Mapping[str, nn.Parameter]) -> Iterator[Part]:
    """Parameters outside of linear maps: tables and matrices, and vectors, gains and biases of norms in turn."""
    for p in own.values():
        if p.dim() == 2:
            yield Part("table", tuple(p.shape), ((p, _ALL),))
    vectors = {name: p for name, p in own.items() if p.dim() == 1}
    biases = [p for name, p in vectors.items() if _is_bias(name, p)]
    gains = [p for name, p in vectors.items() if not _is_bias(name, p)]
    for pair in itertools.zip_longest(gains, biases):
        pieces = tuple((p, _ALL) for p in pair if p is not None)
        yield Part("norm", tuple(pieces[0][0].shape), pieces)


def _is_bias(name: str, p: nn.Parameter) -> bool:
    lower = name.lower()
    if any(word in lower for word in (*_BIASES, *_GAINS)):
        return any(word in lower for word in _BIASES)
    return not bool((p == 1).all())  # as it was made, a gain is 1


# --- from one module to another ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Map:
    """Which part of one module stands for which part of another. complete: whether none is left over on either side."""

    pairs: tuple[tuple[Part, Part], ...]
    complete: bool

    def copy(self) -> None:
        """Write the numbers of the first module into the second."""
        for source, target in self.pairs:
            for a, b in zip(source.data(), target.data(), strict=False):
                b.copy_(a)

    def gradients(self) -> list[tuple[Tensor, Tensor]]:
        """The gradients of both, in pairs."""
        return [pair for one, other in self.pairs for pair in zip(one.gradients(), other.gradients(), strict=False)]


def map_between(source: nn.Module, target: nn.Module) -> Map:
    """Pair parts of the same kind and shape in the order in which each module makes them.

    Where that leaves no more parts alone, those in lists are paired with those in lists: so the norm behind a stack is
    not taken for one of its layers', whichever is made first.
    """
    left = parts(source)
    right = parts(target, frozenset(part.shape for part in left if part.kind != "norm"))
    by_place, by_order = (_paired(left, right, listed) for listed in (True, False))
    pairs = by_place if len(by_place) >= len(by_order) else by_order
    return Map(tuple(pairs), complete=len(pairs) == len(left) == len(right))


def _paired(left: Sequence[Part], right: Sequence[Part], listed: bool) -> list[tuple[Part, Part]]:
    """Pair parts in their order; with ``listed``, those in lists with those in lists."""
    waiting: dict[tuple[str, tuple[int, ...], bool], list[Part]] = {}
    for part in right:
        waiting.setdefault((part.kind, part.shape, listed and part.listed), []).append(part)
    pairs = []
    for part in left:
        same = waiting.get((part.kind, part.shape, listed and part.listed))
        if same and len(same[0].pieces) == len(part.pieces):
            pairs.append((part, same.pop(0)))
    return pairs


def find_map(source: nn.Module, target: nn.Module, agree: Callable[[], bool]) -> Map:
    """Return the map under which the two agree; where none does, that in the order in which they make their parts.

    agree: calls both, once the weights are copied, and says whether they give the same. What is found is remembered for
    the class, so that a layer made of a learner's attention knows in which order that makes its maps.
    """
    first = map_between(source, target)
    first.copy()
    if type(target) in _ORDERS or agree():
        return first
    if _look_inside(source, target, agree):
        first = map_between(source, target)
        first.copy()
        if agree():
            return first
    tried = {_signature(first)}
    for order in itertools.islice(_orders(target), _MOST_ORDERS):
        _ORDERS[type(target)] = order
        found = map_between(source, target)
        if _signature(found) in tried:
            continue
        tried.add(_signature(found))
        found.copy()
        if agree():
            return found
    _ORDERS[type(target)] = ()  # its own; no need to try again
    first.copy()
    return first


def _look_inside(source: nn.Module, target: nn.Module, agree: Callable[[], bool]) -> bool:
    """Find the orders of the classes that the target is made of, which nobody may have checked by themselves.

    So it is with a kept layer, which has copies of the classes that it uses. Each is compared with the modules inside
    the source, on what those are called with. Returns whether an order was found that is not the class's own.
    """
    calls: list[tuple[nn.Module, tuple[Any, ...], dict[str, Any], Any]] = []
    hooks = [each.register_forward_hook(lambda *call: calls.append(call), with_kwargs=True) for each in _inside(source)]
    try:
        agree()
    finally:
        for hook in hooks:
            hook.remove()
    found = [any(_order_from(each, *call) for call in calls) for each in reversed(_inside(target))]  # innermost first
    return any(found)


def _inside(module: nn.Module) -> list[nn.Module]:
    """The modules inside that have parts of their own, but for torch's: those keep their order, whoever uses them."""
    found = [each for each in module.modules() if each is not module and len(_children(each)) > 1]
    return [each for each in found if not type(each).__module__.startswith("torch.")]


def _order_from(module: nn.Module, source: nn.Module, given: tuple[Any, ...], named: Any, output: Any) -> bool:  # noqa: ANN401
    """Find the order of a class by comparing it with one call of another module. Returns whether it is not its own."""

    def agree() -> bool:
        try:
            return _same(module(*given, **named), output)
        except Exception:  # a learner's class may raise anything, and it may be something else altogether
            return False

    if type(module) in _ORDERS or not map_between(source, module).complete:
        return False
    find_map(source, module, agree)
    if not _ORDERS.get(type(module)):
        _ORDERS.pop(type(module), None)  # where none was found, it may have been compared with something else
        return False
    return True


def in_order(cls: type[nn.Module]) -> type[nn.Module]:
    """Mark a class that is known to make its parts in the reference's order, so that no other order is tried."""
    _ORDERS[cls] = ()
    return cls


def _orders(module: nn.Module) -> Iterator[tuple[str, ...]]:
    """Orders of the direct parts of a module: those first in which only parts of one build change places."""
    children = _children(module)
    alike: dict[tuple[tuple[str, tuple[int, ...]], ...], list[str]] = {}
    for name, child in children.items():
        alike.setdefault(tuple((part.kind, part.shape) for part in parts(child)), []).append(name)
    ways = (itertools.permutations(names) if build else [tuple(names)] for build, names in alike.items())
    for chosen in itertools.product(*ways):
        of = dict(zip(itertools.chain(*alike.values()), itertools.chain(*chosen), strict=True))
        yield tuple(of[name] for name in children)
    yield from itertools.permutations(children)


def _signature(found: Map) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(id(p) for p, _ in target.pieces) for _, target in found.pairs)


def copy_weights(source: nn.Module, target: nn.Module) -> bool:
    """Copy all weights from one module to the other, part by part. Returns whether every part found its place."""
    found = map_between(source, target)
    found.copy()
    return found.complete


# --- what a check sees ------------------------------------------------------------------------------------------


def observing(reference: Callable[..., nn.Module]) -> Callable[..., Observation | None]:
    """Return what observes a class, with the weights of ``reference`` in it, for :class:`Exercise`'s ``observe``.

    It sees "the number of trained numbers", "the output" of the method, with the mode and the arguments of the case,
    "the gradient of the arguments" and "the gradient of the weights" of a mixture of the output. None if a method
    hands nothing back.
    """

    def observe(cls: Callable[..., nn.Module], made: Made, *arguments: Any) -> Observation | None:  # noqa: ANN401
        example = _filled(reference, made)
        module = cls(*made.sizes.values()).double()
        given = _tensors(arguments)
        found = find_map(example, module, lambda: _agree(example, module, made, given))
        _switch(module, made.training)
        torch.default_generator.manual_seed(made.seed)
        output = getattr(module, made.method)(*given)
        if output is None or output is ...:
            return None
        return {"the number of trained numbers": np.array(_count(module)), **_seen(output, given, found)}

    return observe


def _filled(reference: Callable[..., nn.Module], made: Made) -> nn.Module:
    """A reference module whose weights are far from those that a class is made with, so that a missing gain shows.

    They depend on the seed of the case alone. Nobody changes it, so one serves all.
    """
    return _made_and_filled(reference, tuple(made.sizes.values()), made.seed)


@functools.lru_cache(maxsize=64)
def _made_and_filled(reference: Callable[..., nn.Module], sizes: tuple[Any, ...], seed: int) -> nn.Module:
    module = reference(*sizes).double().eval()
    rng = np.random.default_rng(1000 + seed)
    with torch.no_grad():
        for p in module.parameters():
            width = p.shape[-1] ** -0.5 if p.dim() > 1 else 0.5
            p.copy_((p == 1) + torch.from_numpy(rng.standard_normal(tuple(p.shape)) * width))  # a gain is about 1
    return module


def _tensors(arguments: Sequence[Any]) -> list[Any]:
    """Arrays as tensors; floats record their gradients."""
    found = [torch.from_numpy(each) if isinstance(each, np.ndarray) else each for each in arguments]
    return [each.requires_grad_() if isinstance(each, Tensor) and each.is_floating_point() else each for each in found]


def _switch(module: nn.Module, training: bool) -> None:
    module.train(not training)  # a class may watch the change
    module.train(training)


def _agree(example: nn.Module, module: nn.Module, made: Made, given: Sequence[Any]) -> bool:
    """Whether both give the same in evaluation mode; whoever raises or hands back something else does not."""
    _switch(module, False)
    with torch.no_grad():
        right = getattr(example, made.method)(*given)
        try:
            output = getattr(module, made.method)(*given)
        except Exception:  # a learner's class may raise anything; the check will say what
            return False
    return _same(output, right)


def _same(output: Any, right: Any) -> bool:  # noqa: ANN401
    tensors = isinstance(output, Tensor) and isinstance(right, Tensor)
    return tensors and output.shape == right.shape and torch.allclose(output, right, atol=1e-9)


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _seen(output: Any, given: Sequence[Any], found: Map) -> Observation:  # noqa: ANN401
    tensor = isinstance(output, Tensor)
    seen: Observation = {"the output": output.detach().numpy().copy() if tensor else NoTensor(output)}
    if tensor and output.requires_grad and output.is_floating_point():
        mixture = torch.arange(1.0, output.numel() + 1, dtype=output.dtype).cos().view(output.shape)
        (output * mixture).sum().backward()
    inputs = [each for each in given if isinstance(each, Tensor) and each.requires_grad]
    zeros = (torch.zeros_like(each) if each.grad is None else each.grad for each in inputs)
    seen["the gradient of the arguments"] = torch.cat([each.flatten() for each in zeros] or [torch.zeros(0)]).numpy()
    flat = [other.flatten() for _, other in found.gradients()]
    seen["the gradient of the weights"] = torch.cat(flat or [torch.zeros(0)]).numpy().copy()
    return seen
