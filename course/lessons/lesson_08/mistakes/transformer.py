"""Known wrong versions of Transformer, and the question that leads out of each.

A wrong Transformer is the right one with one of its steps replaced: see :class:`Wired`. A few mistakes leave numbers
that are random, such as those of a second table; they are recognized by what they do: see the functions at the end.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.lab.exercises.exercise import Mistake
from course.lab.exercises.modules import in_order
from course.lessons.lesson_06.reference import positional_encoding
from course.lessons.lesson_08.reference import DecoderLayer, EncoderLayer, Norm, embed

Mask = Tensor | None


class Wired(nn.Module):
    """The right Transformer in small steps, each a method that a wrong version replaces."""

    positions: Tensor
    out: nn.Linear  # where there is one
    source_table: nn.Parameter

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        n_heads: int,
        d_ff: int,
        n_layers: int,
        dropout: float = 0.0,
        max_len: int = 256,
    ):
        super().__init__()
        self.sizes = (d_model, n_heads, d_ff, self.rate(dropout))
        self.table = nn.Parameter(torch.randn(vocab_size, d_model) * self.spread(d_model))
        self.keep_positions(torch.tensor(positional_encoding(max_len, d_model)).float())
        self.encoder = self.make(EncoderLayer, n_layers)
        self.n_memory: Any = nn.Identity()  # in the order of the reference
        self.decoder = self.make(DecoderLayer, n_layers)
        self.make_norms(d_model)
        self.drop = nn.Dropout(dropout)
        self.more(vocab_size, d_model)

    # making

    def rate(self, dropout: float) -> float:
        """The dropout of the layers."""
        return dropout

    def spread(self, d_model: int) -> float:
        """The size of the numbers with which the table begins."""
        return float(d_model**-0.5)

    def keep_positions(self, table: Tensor) -> None:
        """Keep the table of positions with the model."""
        self.register_buffer("positions", table, persistent=False)

    def make(self, kind: type[nn.Module], n: int) -> Any:  # noqa: ANN401
        """A stack of n layers."""
        return nn.ModuleList(kind(*self.sizes) for _ in range(n))

    def make_norms(self, d_model: int) -> None:
        """A norm for each stack."""
        self.n_memory = Norm(d_model)
        self.n_output: Any = Norm(d_model)

    def more(self, vocab_size: int, d_model: int) -> None:
        """Anything else."""

    # working

    def words(self, tokens: Tensor) -> Tensor:
        """Embedded, on both sides."""
        return embed(tokens, self.table, self.positions)

    def source_words(self, src: Tensor) -> Tensor:
        """Embedded source with dropout."""
        x: Tensor = self.drop(self.words(src))
        return x

    def target_words(self, tgt: Tensor) -> Tensor:
        """Embedded target with dropout."""
        x: Tensor = self.drop(self.words(tgt))
        return x

    def read(self, x: Tensor, src_mask: Mask) -> Tensor:
        """Through the layers of the encoder."""
        for layer in self.encoder:
            x = layer(x, src_mask)
        return x

    def write(self, x: Tensor, memory: Tensor, tgt_mask: Mask, src_mask: Mask) -> Tensor:
        """Through the layers of the decoder."""
        for layer in self.decoder:
            x = layer(x, memory, tgt_mask, src_mask)
        return x

    def mask(self, tgt: Tensor, tgt_mask: Mask) -> Mask:
        """What is used as the mask of the target."""
        n = tgt.shape[1]
        return torch.ones(n, n, dtype=torch.bool).tril() if tgt_mask is None else tgt_mask

    def output(self, states: Tensor) -> Tensor:
        """Logits."""
        return states @ self.table.T

    def encode(self, src: Tensor, src_mask: Mask = None) -> Tensor:
        """src (B, S) -> memory (B, S, d), if all is well."""
        memory: Tensor = self.n_memory(self.read(self.source_words(src), src_mask))
        return memory

    def decode(self, tgt: Tensor, memory: Tensor, tgt_mask: Mask = None, src_mask: Mask = None) -> Tensor:
        """tgt (B, T), memory (B, S, d) -> logits (B, T, V), if all is well."""
        states = self.write(self.target_words(tgt), memory, self.mask(tgt, tgt_mask), src_mask)
        return self.output(self.n_output(states))

    def forward(self, src: Tensor, tgt: Tensor, src_mask: Mask = None, tgt_mask: Mask = None) -> Tensor:
        """src (B, S), tgt (B, T) -> logits (B, T, V), if all is well."""
        return self.decode(tgt, self.encode(src, src_mask), tgt_mask, src_mask)


def whole(**steps: Callable[..., Any]) -> type[Wired]:
    """Return a class of Transformers with these steps in the place of the right ones."""
    return in_order(type("Transformer", (Wired,), steps))  # type: ignore[return-value]


def _joined(s: Wired, tokens: Tensor, factor: float = 1.0, rows: Tensor | None = None) -> Tensor:
    """Words times a factor of the right one, plus other rows of positions."""
    words = s.table[tokens] * math.sqrt(s.table.shape[1]) * factor
    return words + (s.positions[: tokens.shape[1]] if rows is None else rows)


def _unscaled(s: Wired, tokens: Tensor) -> Tensor:
    return _joined(s, tokens, s.table.shape[1] ** -0.5)


def _dropped(step: Callable[[Wired, Tensor], Tensor]) -> Callable[[Wired, Tensor], Tensor]:
    return lambda s, tokens: s.drop(step(s, tokens))


def _nowhere(s: Wired, tokens: Tensor) -> Tensor:
    return _joined(s, tokens, rows=torch.zeros_like(s.positions[: tokens.shape[1]]))


def _all_at_zero(s: Wired, tokens: Tensor) -> Tensor:
    return _joined(s, tokens, rows=s.positions[:1])


def _by_sentence(s: Wired, tokens: Tensor) -> Tensor:
    return _joined(s, tokens, rows=s.positions[: len(tokens), None])


def _trained_positions(s: Wired, table: Tensor) -> None:
    s.positions = nn.Parameter(table)


def _random_positions(s: Wired, table: Tensor) -> None:
    s.positions = nn.Parameter(torch.randn_like(table) * 0.02)


def _one_object(s: Wired, kind: type[nn.Module], n: int) -> nn.ModuleList:
    return nn.ModuleList([kind(*s.sizes)] * n)


def _one_decoder_object(s: Wired, kind: type[nn.Module], n: int) -> nn.ModuleList:
    return _one_object(s, kind, n) if kind is DecoderLayer else Wired.make(s, kind, n)


def _one_encoder_object(s: Wired, kind: type[nn.Module], n: int) -> nn.ModuleList:
    return _one_object(s, kind, n) if kind is EncoderLayer else Wired.make(s, kind, n)


def _plain_list(s: Wired, kind: type[nn.Module], n: int) -> list[nn.Module]:
    return [kind(*s.sizes).double() for _ in range(n)]


def _plain_decoder(s: Wired, kind: type[nn.Module], n: int) -> Any:  # noqa: ANN401
    return _plain_list(s, kind, n) if kind is DecoderLayer else Wired.make(s, kind, n)


def _plain_encoder(s: Wired, kind: type[nn.Module], n: int) -> Any:  # noqa: ANN401
    return _plain_list(s, kind, n) if kind is EncoderLayer else Wired.make(s, kind, n)


def _no_memory_norm(s: Wired, d_model: int) -> None:
    s.n_memory, s.n_output = nn.Identity(), Norm(d_model)


def _no_output_norm(s: Wired, d_model: int) -> None:
    s.n_memory, s.n_output = Norm(d_model), nn.Identity()


def _no_norms(s: Wired, d_model: int) -> None:
    s.n_memory, s.n_output = nn.Identity(), nn.Identity()


def _one_norm(s: Wired, d_model: int) -> None:
    s.n_memory = s.n_output = Norm(d_model)


def _raw_encode(s: Wired, src: Tensor, src_mask: Mask = None) -> Tensor:
    return s.source_words(src)


def _normed_raw_encode(s: Wired, src: Tensor, src_mask: Mask = None) -> Tensor:
    x: Tensor = s.n_memory(s.source_words(src))
    return x


def _encode_unnormed(s: Wired, src: Tensor, src_mask: Mask = None) -> Tensor:
    return s.read(s.source_words(src), src_mask)


def _decode_unnormed(s: Wired, tgt: Tensor, memory: Tensor, tgt_mask: Mask = None, src_mask: Mask = None) -> Tensor:
    return s.output(s.write(s.target_words(tgt), memory, s.mask(tgt, tgt_mask), src_mask))


def _decode_norming(s: Wired, tgt: Tensor, memory: Tensor, tgt_mask: Mask = None, src_mask: Mask = None) -> Tensor:
    return Wired.decode(s, tgt, s.n_memory(memory), tgt_mask, src_mask)


def _each_from_the_start(s: Wired, x: Tensor, src_mask: Mask) -> Tensor:
    y = x
    for layer in s.encoder:
        y = layer(x, src_mask)
    return y


def _write_from_the_start(s: Wired, x: Tensor, memory: Tensor, tgt_mask: Mask, src_mask: Mask) -> Tensor:
    y = x
    for layer in s.decoder:
        y = layer(x, memory, tgt_mask, src_mask)
    return y


def _only_layer(at: int) -> Callable[[Wired, Tensor, Mask], Tensor]:
    return lambda s, x, src_mask: s.encoder[at](x, src_mask)


def _only_decoder_layer(at: int) -> Callable[..., Tensor]:
    return lambda s, x, memory, tgt_mask, src_mask: s.decoder[at](x, memory, tgt_mask, src_mask)


def _always_first(s: Wired, x: Tensor, src_mask: Mask) -> Tensor:
    for _ in s.encoder:
        x = s.encoder[0](x, src_mask)
    return x


def _always_first_decoder(s: Wired, x: Tensor, memory: Tensor, tgt_mask: Mask, src_mask: Mask) -> Tensor:
    for _ in s.decoder:
        x = s.decoder[0](x, memory, tgt_mask, src_mask)
    return x


def _level_by_level(s: Wired, src: Tensor, tgt: Tensor, src_mask: Mask = None, tgt_mask: Mask = None) -> Tensor:
    """Each layer of the decoder reads the encoder's layer of its own height."""
    x, y = s.source_words(src), s.target_words(tgt)
    for reading, writing in zip(s.encoder, s.decoder, strict=True):
        x = reading(x, src_mask)
        y = writing(y, s.n_memory(x), s.mask(tgt, tgt_mask), src_mask)
    return s.output(s.n_output(y))


def _only_in_training(s: Wired, tgt: Tensor, tgt_mask: Mask) -> Mask:
    return Wired.mask(s, tgt, tgt_mask) if s.training else tgt_mask


def _never_in_evaluation(s: Wired, tgt: Tensor, tgt_mask: Mask) -> Mask:
    return Wired.mask(s, tgt, tgt_mask) if s.training else None


def _shifted(diagonal: int) -> Callable[[Wired, Tensor, Mask], Mask]:
    def mask(s: Wired, tgt: Tensor, tgt_mask: Mask) -> Mask:
        n = tgt.shape[1]
        return torch.ones(n, n, dtype=torch.bool).tril(diagonal) if tgt_mask is None else tgt_mask

    return mask


def _upper(s: Wired, tgt: Tensor, tgt_mask: Mask) -> Mask:
    n = tgt.shape[1]
    return torch.ones(n, n, dtype=torch.bool).triu(1) if tgt_mask is None else tgt_mask


def _always_own(s: Wired, tgt: Tensor, tgt_mask: Mask) -> Mask:
    return Wired.mask(s, tgt, None)


def _write_with(masks: Callable[[Mask, Mask], tuple[Mask, Mask]]) -> Callable[..., Tensor]:
    def write(s: Wired, x: Tensor, memory: Tensor, tgt_mask: Mask, src_mask: Mask) -> Tensor:
        return Wired.write(s, x, memory, *masks(tgt_mask, src_mask))

    return write


def _forward_with(use: Callable[..., Tensor]) -> type[Wired]:
    """Return a class whose forward is use(self, src, tgt, src_mask, tgt_mask)."""

    def forward(s: Wired, src: Tensor, tgt: Tensor, src_mask: Mask = None, tgt_mask: Mask = None) -> Tensor:
        return use(s, src, tgt, src_mask, tgt_mask)

    return whole(forward=forward)


def _own_output(s: Wired, vocab_size: int, d_model: int) -> None:
    s.out = nn.Linear(d_model, vocab_size, bias=False)


def _copied_output(s: Wired, vocab_size: int, d_model: int) -> None:
    _own_output(s, vocab_size, d_model)
    s.out.weight.data = s.table.data.clone()


def _biased_output(s: Wired, vocab_size: int, d_model: int) -> None:
    s.out = nn.Linear(d_model, vocab_size)
    s.out.weight = s.table
    nn.init.zeros_(s.out.bias)


def _through_out(s: Wired, states: Tensor) -> Tensor:
    logits: Tensor = s.out(states)
    return logits


def _two_tables(s: Wired, vocab_size: int, d_model: int) -> None:
    s.source_table = nn.Parameter(torch.randn(vocab_size, d_model) * d_model**-0.5)


def _from_source_table(s: Wired, src: Tensor) -> Tensor:
    x: Tensor = s.drop(embed(src, s.source_table, s.positions))
    return x


def _thins(s: Wired, x: Tensor) -> Tensor:
    return F.dropout(x, s.drop.p)


# ---- Recognized by what they do --------------------------------------------------------------------------------


def _example(cls: Callable[..., Any]) -> Any:  # noqa: ANN401
    return cls(13, 8, 2, 12, 1, 0.0, 16).double().eval()


def _moves(model: Any, p: nn.Parameter, use: Callable[[], Tensor]) -> bool:  # noqa: ANN401
    before = use()
    kept = p.detach().clone()
    p.data.add_(torch.linspace(-0.5, 0.7, p.numel(), dtype=p.dtype).cos().view(p.shape))
    after = use()
    p.data.copy_(kept)
    return not torch.allclose(before, after)


def tables(cls: Callable[..., Any]) -> tuple[list[str], bool]:
    """What the tables of words are used for, in words, one string a table; and whether any two begin alike."""
    with torch.no_grad():
        model = _example(cls)
        ids = torch.tensor([[5, 6, 7, 8]])
        found = [p for p in model.parameters() if tuple(p.shape) == (13, 8)]
        memory = model.encode(ids)
        states: Tensor = memory
        jobs = []
        for p in found:
            source = _moves(model, p, lambda: model.encode(ids))
            target = _moves(model, p, lambda: model.decode(ids, states))
            jobs.append(f"{'source ' if source else ''}{'target' if target else ''}".strip())
        alike = any(torch.equal(a, b) for i, a in enumerate(found) for b in found[:i])
    return jobs, alike


def _has_two_tables(cls: Callable[..., Any], wanted: Callable[[list[str], bool], bool]) -> bool:
    try:
        jobs, alike = tables(cls)
    except Exception:  # whatever the learner's class may raise
        return False
    return len(jobs) > 1 and wanted(jobs, alike)


def is_copied(cls: Callable[..., Any]) -> bool:
    """Whether there are two tables that begin with the same numbers."""
    return _has_two_tables(cls, lambda jobs, alike: alike)


def has_two_languages(cls: Callable[..., Any]) -> bool:
    """Whether the source has a table of its own."""
    return _has_two_tables(cls, lambda jobs, alike: not alike and "source" in jobs)


def has_own_output(cls: Callable[..., Any]) -> bool:
    """Whether source and target share a table, and the output has another one."""
    return _has_two_tables(cls, lambda jobs, alike: not alike and "source target" in jobs)


def keeps_a_plain_list(cls: Callable[..., Any]) -> bool:
    """Whether modules stand in a list or tuple of Python, where the model does not find them."""
    try:
        kept = vars(cls(13, 8, 2, 12, 2)).values()
    except Exception:  # whatever the learner's class may raise
        return False
    return any(isinstance(each, (list, tuple)) and any(isinstance(m, nn.Module) for m in each) for each in kept)


def _said_by(use: Callable[[], object]) -> str:
    """What an exception says, in small letters; nothing where there is none."""
    try:
        with torch.no_grad():
            use()
    except Exception as error:  # whatever the learner's class may raise
        return str(error).lower() or type(error).__name__
    return ""


def mixes_precisions(cls: Callable[..., Any]) -> bool:
    """Whether a table in 64 bits stops a new model of 32 bits, which works where all of it is in 64."""
    ids = torch.tensor([[5, 6, 7, 8]])
    return "dtype" in _said_by(lambda: cls(13, 8, 2, 12, 1).encode(ids)) and not _said_by(
        lambda: _example(cls).encode(ids)
    )


def masks_by_numbers(cls: Callable[..., Any]) -> bool:
    """Whether the model stops at a mask of its own that is none of booleans."""
    ids = torch.tensor([[5, 6, 7, 8]])
    own = _said_by(lambda: _example(cls).decode(ids, torch.zeros(1, 4, 8).double()))
    mask = torch.ones(4, 4, dtype=torch.bool).tril()
    given = _said_by(lambda: _example(cls).decode(ids, torch.zeros(1, 4, 8).double(), mask))
    return "bool" in own and not given


FEW_WORDS, MANY_PLACES = 7, 300  # a vocabulary that is smaller than a sentence, which is longer than max_len mostly is


def too_few_places(cls: Callable[..., Any]) -> bool:
    """Whether a sentence as long as max_len is too long where the vocabulary is small, and a short one is not."""

    def encode(n: int) -> str:
        model = cls(FEW_WORDS, 8, 2, 12, 1, 0.0, MANY_PLACES).double().eval()
        return _said_by(lambda: model.encode(torch.arange(n)[None] % FEW_WORDS))

    try:
        return bool(encode(MANY_PLACES)) and not encode(5)
    except Exception:  # whatever the learner's class may raise
        return False


def forgets_positions(cls: Callable[..., Any]) -> bool:
    """Whether a table of places is kept as a plain attribute, so that it stays behind when the model is moved."""
    try:
        model = cls(13, 8, 2, 12, 1, 0.0, 9).eval()
        kept = [each for each in vars(model).values() if isinstance(each, Tensor) and each.is_floating_point()]
        if not any(each.shape[-1:] == (8,) for each in kept):
            return False
        ids = torch.tensor([[5, 6, 7, 8]])
        return not _said_by(lambda: model.encode(ids)) and "dtype" in _said_by(lambda: model.bfloat16().encode(ids))
    except Exception:  # whatever the learner's class may raise
        return False


def _in_64_bits(s: Wired, table: Tensor) -> None:
    s.register_buffer("positions", table.double(), persistent=False)


def _left_behind(s: Wired, table: Tensor) -> None:
    s.positions = table


def _cut_to_the_vocabulary(s: Wired, table: Tensor) -> None:
    rows = torch.tensor(positional_encoding(s.table.shape[0], table.shape[1])).float()
    s.register_buffer("positions", rows, persistent=False)


def _always_256(s: Wired, table: Tensor) -> None:
    rows = torch.tensor(positional_encoding(256, table.shape[1])).float()
    s.register_buffer("positions", rows, persistent=False)


def _unmoved_list(s: Wired, kind: type[nn.Module], n: int) -> list[nn.Module]:
    return [kind(*s.sizes) for _ in range(n)]


def _mask_of_floats(s: Wired, tgt: Tensor, tgt_mask: Mask) -> Mask:
    n = tgt.shape[1]
    return torch.ones(n, n).tril() if tgt_mask is None else tgt_mask


def _upper_with_diagonal(s: Wired, tgt: Tensor, tgt_mask: Mask) -> Mask:
    n = tgt.shape[1]
    return torch.ones(n, n, dtype=torch.bool).triu() if tgt_mask is None else tgt_mask


def begins_too_sure(cls: Callable[..., Any]) -> bool:
    """Whether the logits of a new model are far larger than 1: its table begins with numbers of size 1."""
    try:
        with torch.no_grad():
            model = cls(200, 64, 2, 32, 1).eval()
            logits = model(torch.arange(4, 12)[None], torch.arange(12, 24)[None])
        return bool(logits.std() > 3)
    except Exception:  # whatever the learner's class may raise
        return False


TRANSFORMER = (
    # The table, and what is made of it.
    Mistake(
        "tied_by_copying",
        "tables that begin alike and are two",
        "Two tables of your model begin with the same numbers and are two all the same: after one step of training "
        "they differ. Is an array that was copied the same array?",
        (whole(more=_copied_output, output=_through_out),),
        recognize=is_copied,
    ),
    Mistake(
        "output_not_tied",
        "an output layer with weights of its own",
        "Your output layer has a table of its own. Which array do the logits come from, if source, target and output "
        "share one?",
        (whole(more=_own_output, output=_through_out),),
        recognize=has_own_output,
    ),
    Mistake(
        "two_tables",
        "a table for each language",
        "Your source and your target look their words up in two tables. How many tables does this model have?",
        (whole(more=_two_tables, source_words=_from_source_table),),
        recognize=has_two_languages,
    ),
    Mistake(
        "output_bias",
        "an output layer with a bias",
        "Your model learns one number more for each word. Does the output layer of the text have a bias?",
        (whole(more=_biased_output, output=_through_out),),
    ),
    Mistake(
        "table_begins_large",
        "the table begins with numbers of size 1",
        "A new model of yours is very sure of what nobody has taught it, because its table begins with numbers of "
        "size 1. How large are they in the text, and which table of section 2 shows why?",
        (whole(spread=lambda s, d_model: 1.0),),
        recognize=begins_too_sure,
    ),
    Mistake(
        "not_scaled",
        "words not multiplied by the root of d_model",
        "On one side, or on both, your words are smaller than their places. Which of your functions does all three "
        "steps for both?",
        (
            whole(words=_unscaled),
            whole(source_words=_dropped(_unscaled)),
            whole(target_words=_dropped(_unscaled)),
        ),
    ),
    Mistake(
        "scaled_twice",
        "words multiplied twice",
        "Your words are multiplied by the root of d_model, and then once more. What does embed do already?",
        (whole(words=lambda s, tokens: _joined(s, tokens, math.sqrt(s.table.shape[1]))),),
    ),
    Mistake(
        "positions_scaled",
        "words and places multiplied together",
        "You multiply the sum of words and places. Which of the two is multiplied, and when?",
        (
            whole(
                words=lambda s, tokens: (s.table[tokens] + s.positions[: tokens.shape[1]]) * math.sqrt(s.table.shape[1])
            ),
            whole(words=lambda s, tokens: embed(tokens, s.table, s.positions) * math.sqrt(s.table.shape[1])),
        ),
    ),
    Mistake(
        "no_positions",
        "a side without places",
        "The words of one side, or of both, do not know where they stand. Who adds places to the source, and who to "
        "the target?",
        (
            whole(words=_nowhere),
            whole(source_words=_dropped(_nowhere)),
            whole(target_words=_dropped(_nowhere)),
        ),
    ),
    Mistake(
        "target_at_place_0",
        "every word of the target at place 0",
        "All words of your target stand at place 0, as if each were the first one. Which rows do the first T words "
        "get?",
        (whole(target_words=_dropped(_all_at_zero)), whole(words=_all_at_zero)),
    ),
    Mistake(
        "places_by_sentence",
        "places chosen by the sentence",
        "All words of a sentence get the same place, and each sentence another one. Which axis of (B, T) counts the "
        "words?",
        (whole(words=_by_sentence),),
    ),
    Mistake(
        "positions_trained",
        "the table of positions is trained",
        "Your table of positions is a parameter: the optimizer will move sines and cosines until they are none. How "
        "does a model keep an array that is not trained?",
        (whole(keep_positions=_trained_positions), whole(keep_positions=_random_positions)),
    ),
    Mistake(
        "positions_in_64_bits",
        "a table of positions in 64 bits",
        "Your table of positions is in 64 bits, as numpy makes it, and the rest of a new model in 32. What gives the "
        "table the precision of the rest?",
        (whole(keep_positions=_in_64_bits),),
        recognize=mixes_precisions,
    ),
    Mistake(
        "places_not_max_len",
        "a table of positions of another length",
        "A sentence as long as max_len has more words than your table has places. How many rows does it need, and is "
        "that the size of the vocabulary, or always 256?",
        (whole(keep_positions=_cut_to_the_vocabulary), whole(keep_positions=_always_256)),
        recognize=too_few_places,
    ),
    Mistake(
        "positions_left_behind",
        "a table of positions as a plain attribute",
        "Your table of positions is an attribute of which the model knows nothing: .double() and .to() leave it "
        "behind. What does `register_buffer` do with it?",
        (whole(keep_positions=_left_behind),),
        recognize=forgets_positions,
    ),
    # The layers.
    Mistake(
        "one_layer_object",
        "one layer object used several times",
        "Your stacks hold the same layer several times: as many trained numbers as one layer has. How does a list get "
        "layers that are each an object of their own?",
        (
            whole(make=_one_object),
            whole(make=_one_encoder_object),
            whole(make=_one_decoder_object),
        ),
    ),
    Mistake(
        "plain_list",
        "layers in a plain list",
        "Your layers stand in a plain list: parameters() does not find them, nor does .double(), which the check "
        "calls; nobody trains, moves or saves them. Which list of torch makes them parts of the model?",
        (
            whole(make=_plain_list),
            whole(make=_plain_encoder),
            whole(make=_plain_decoder),
            whole(make=_unmoved_list),
        ),
        recognize=keeps_a_plain_list,
    ),
    Mistake(
        "each_layer_from_the_start",
        "every layer reads the embedded words",
        "Each layer of yours reads what the first one read, so that only the last one counts. What does a layer read "
        "that has another one below it?",
        (
            whole(read=_each_from_the_start),
            whole(write=_write_from_the_start),
            whole(read=_each_from_the_start, write=_write_from_the_start),
        ),
    ),
    Mistake(
        "first_layer_only",
        "one layer of a stack works",
        "All your layers are made, and in one stack, or in both, only one of them works. What does your loop go "
        "through?",
        (
            whole(read=_only_layer(0)),
            whole(write=_only_decoder_layer(0)),
            whole(read=_only_layer(0), write=_only_decoder_layer(0)),
            whole(read=_always_first),
            whole(write=_always_first_decoder),
            whole(read=_always_first, write=_always_first_decoder),
        ),
    ),
    Mistake(
        "raw_memory",
        "the memory is made of embedded words",
        "What your encode returns has gone through no layer: the decoder reads embedded words. What are the encoder's "
        "layers for?",
        (whole(encode=_raw_encode), whole(encode=_normed_raw_encode)),
    ),
    Mistake(
        "level_by_level",
        "each decoder layer reads the encoder layer of its own height",
        "In your model decoder layer 1 reads encoder layer 1, and so on. Where does the memory come from that all of "
        "them read?",
        (whole(forward=_level_by_level),),
    ),
    Mistake(
        "no_decoder_layers",
        "the decoder's layers never used",
        "Your logits come straight from the embedded target. In which line do the decoder's layers work?",
        (whole(write=lambda s, x, memory, tgt_mask, src_mask: x),),
    ),
    # The norms.
    Mistake(
        "memory_not_normed",
        "no norm after the encoder",
        "Your memory is not normed: with pre-norm layers it grows from layer to layer. What stands behind the "
        "encoder's stack?",
        (whole(make_norms=_no_memory_norm), whole(encode=_encode_unnormed)),
    ),
    Mistake(
        "states_not_normed",
        "no norm after the decoder",
        "Your last states are not normed, so that logits grow with the number of layers. What stands between the "
        "decoder's stack and the output?",
        (whole(make_norms=_no_output_norm), whole(decode=_decode_unnormed)),
    ),
    Mistake(
        "no_last_norms",
        "no norm after either stack",
        "Neither of your stacks ends with a norm. In pre-norm nothing else brings the sum of all layers back to size: "
        "what is missing twice?",
        (
            whole(make_norms=_no_norms),
            whole(encode=_encode_unnormed, decode=_decode_unnormed),
        ),
    ),
    Mistake(
        "one_last_norm",
        "one norm for both stacks",
        "Both of your stacks end with the same norm. Memory and states are read by different readers: how many norms "
        "does that take?",
        (
            whole(make_norms=_one_norm),
            whole(
                decode=lambda s, tgt, memory, tgt_mask=None, src_mask=None: s.output(
                    s.n_memory(s.write(s.target_words(tgt), memory, s.mask(tgt, tgt_mask), src_mask))
                )
            ),
            whole(encode=lambda s, src, src_mask=None: s.n_output(s.read(s.source_words(src), src_mask))),
        ),
    ),
    Mistake(
        "memory_normed_twice",
        "the memory normed once more in decode",
        "Your decode norms the memory that encode has normed already. Who hands it over, and in which state?",
        (whole(decode=_decode_norming),),
    ),
    # The masks.
    Mistake(
        "no_causal_mask",
        "no causal mask where none is handed in",
        "Where no tgt_mask comes in, your target sees the future. What does the text ask for in that case?",
        (whole(mask=lambda s, tgt, tgt_mask: tgt_mask),),
    ),
    Mistake(
        "causal_only_in_training",
        "the causal mask dropped in evaluation mode",
        "In training mode your target cannot see the future, and in evaluation mode it can. Does a sentence that is "
        "only scored have no future?",
        (whole(mask=_only_in_training), whole(mask=_never_in_evaluation)),
    ),
    Mistake(
        "causal_off_by_one",
        "the causal mask is off by one",
        "Your own causal mask is moved by one: each word sees the next one, or no longer itself. Which diagonal is the "
        "last that is open?",
        (whole(mask=_shifted(1)), whole(mask=_shifted(-1))),
    ),
    Mistake(
        "causal_inverted",
        "the causal mask closes the past",
        "Your own mask closes the past and leaves the future open: tril or triu? (In torch's own modules True means "
        "closed.) What does it mean here?",
        (whole(mask=_upper), whole(mask=_upper_with_diagonal)),
    ),
    Mistake(
        "mask_of_floats",
        "a causal mask of numbers",
        "Your mask holds floats, and only True and False can be turned around. What does dtype=torch.bool change?",
        (whole(mask=_mask_of_floats),),
        recognize=masks_by_numbers,
    ),
    Mistake(
        "target_mask_ignored",
        "a mask of the target that is handed in and not used",
        "A tgt_mask is handed in, and you use one of your own instead, so that pads of the target are heard. When is "
        "the causal mask alone right?",
        (whole(mask=_always_own),),
    ),
    Mistake(
        "source_mask_not_in_encoder",
        "the encoder without the source's mask",
        "Your encoder listens to the pads of the source. Where does src_mask have to go besides the decoder?",
        (whole(read=lambda s, x, src_mask: Wired.read(s, x, None)),),
    ),
    Mistake(
        "source_mask_not_in_decoder",
        "the decoder without the source's mask",
        "Your decoder listens to the pads of the source, although the encoder does not. Who else reads the source?",
        (whole(write=_write_with(lambda tgt_mask, src_mask: (tgt_mask, None))),),
    ),
    Mistake(
        "source_mask_nowhere",
        "the source's mask is used nowhere",
        "Pads of the source are heard everywhere in your model. Which two places need src_mask?",
        (
            whole(
                read=lambda s, x, src_mask: Wired.read(s, x, None),
                write=_write_with(lambda tgt_mask, src_mask: (tgt_mask, None)),
            ),
        ),
    ),
    Mistake(
        "target_mask_across",
        "the target's mask in the place of the source's",
        "Your cross-attention works under the mask of the target. Which words are its columns?",
        (whole(write=_write_with(lambda tgt_mask, src_mask: (tgt_mask, tgt_mask))),),
    ),
    Mistake(
        "masks_exchanged",
        "the two masks exchanged on the way",
        "The masks of source and target change places on their way into your layers. In which order does a decoder "
        "layer take them, and in which order does decode?",
        (
            whole(write=_write_with(lambda tgt_mask, src_mask: (src_mask, tgt_mask))),
            _forward_with(
                lambda s, src, tgt, src_mask, tgt_mask: s.decode(tgt, s.encode(src, src_mask), src_mask, tgt_mask)
            ),
            _forward_with(
                lambda s, src, tgt, src_mask, tgt_mask: s.decode(tgt, s.encode(src, tgt_mask), tgt_mask, src_mask)
            ),
            _forward_with(
                lambda s, src, tgt, src_mask, tgt_mask: s.decode(tgt, s.encode(src, tgt_mask), src_mask, tgt_mask)
            ),
        ),
    ),
    Mistake(
        "forward_loses_masks",
        "masks that forward does not hand on",
        "encode and decode respect their masks, and forward does not hand them on, one or both. What does forward do "
        "with its last two arguments?",
        (
            _forward_with(lambda s, src, tgt, src_mask, tgt_mask: s.decode(tgt, s.encode(src, src_mask), tgt_mask)),
            _forward_with(lambda s, src, tgt, src_mask, tgt_mask: s.decode(tgt, s.encode(src), tgt_mask, src_mask)),
            _forward_with(
                lambda s, src, tgt, src_mask, tgt_mask: s.decode(tgt, s.encode(src, src_mask), None, src_mask)
            ),
            _forward_with(lambda s, src, tgt, src_mask, tgt_mask: s.decode(tgt, s.encode(src))),
        ),
    ),
    # What goes where.
    Mistake(
        "source_as_target",
        "the source fed to the decoder",
        "Your decoder reads the source a second time and never sees the target. What does decode get first?",
        (
            _forward_with(lambda s, src, tgt, src_mask, tgt_mask: s.decode(src, s.encode(src, src_mask))),
            _forward_with(
                lambda s, src, tgt, src_mask, tgt_mask: s.decode(src, s.encode(src, src_mask), tgt_mask, src_mask)
            ),
        ),
    ),
    Mistake(
        "target_as_source",
        "the target fed to the encoder",
        "Your encoder reads the target, so that the decoder has the answer before its eyes. Which sentence is encoded?",
        (
            _forward_with(lambda s, src, tgt, src_mask, tgt_mask: s.decode(tgt, s.encode(tgt), tgt_mask)),
            _forward_with(
                lambda s, src, tgt, src_mask, tgt_mask: s.decode(tgt, s.encode(tgt, src_mask), tgt_mask, src_mask)
            ),
        ),
    ),
    Mistake(
        "sides_exchanged",
        "source and target exchanged",
        "Source and target have changed places: the target is encoded and the source is continued. Which is which in "
        "forward?",
        (
            _forward_with(lambda s, src, tgt, src_mask, tgt_mask: s.decode(src, s.encode(tgt))),
            _forward_with(
                lambda s, src, tgt, src_mask, tgt_mask: s.decode(src, s.encode(tgt, src_mask), tgt_mask, src_mask)
            ),
        ),
    ),
    # The output.
    Mistake(
        "softmax_in_the_model",
        "softmax inside the model",
        "You return probabilities or their logarithms. The loss of lesson 10 does that step itself: what are logits?",
        (
            whole(output=lambda s, states: (states @ s.table.T).softmax(-1)),
            whole(output=lambda s, states: (states @ s.table.T).log_softmax(-1)),
        ),
    ),
    Mistake(
        "logits_scaled",
        "logits multiplied or divided by the root of d_model",
        "Your logits are too large or too small by the root of d_model. At which end of the model does the table need "
        "that factor?",
        (
            whole(output=lambda s, states: states @ s.table.T * math.sqrt(s.table.shape[1])),
            whole(output=lambda s, states: states @ s.table.T / math.sqrt(s.table.shape[1])),
        ),
    ),
    Mistake(
        "states_returned",
        "states instead of logits",
        "You return the last states, d_model numbers a word. How do they become one number for each word of the "
        "vocabulary?",
        (whole(output=lambda s, states: states),),
    ),
    Mistake(
        "last_place_only",
        "the last place alone",
        "You return what follows the last word only. In training every place is asked at once: how many rows of logits "
        "are there?",
        (
            whole(output=lambda s, states: (states @ s.table.T)[:, -1]),
            whole(output=lambda s, states: (states @ s.table.T)[:, -1:]),
        ),
    ),
    Mistake(
        "words_returned",
        "the likeliest words instead of logits",
        "You return the likeliest word of each place, and a choice has no gradient. What does the loss need?",
        (whole(output=lambda s, states: (states @ s.table.T).argmax(-1)),),
    ),
    # Dropout, and gradients.
    Mistake(
        "no_dropout_on_embeddings",
        "no dropout on the embedded words",
        "Your embedded words, on one side or on both, go into the layers without dropout. Where does the text have it "
        "besides the sublayers?",
        (
            whole(source_words=lambda s, src: s.words(src), target_words=lambda s, tgt: s.words(tgt)),
            whole(source_words=lambda s, src: s.words(src)),
            whole(target_words=lambda s, tgt: s.words(tgt)),
        ),
    ),
    Mistake(
        "dropout_before_positions",
        "dropout before the places come in",
        "Your dropout thins the words, and the places are added afterwards. What is thinned, the words or the sum?",
        (
            whole(
                source_words=lambda s, src: (
                    s.drop(s.table[src] * math.sqrt(s.table.shape[1])) + s.positions[: src.shape[1]]
                ),
                target_words=lambda s, tgt: (
                    s.drop(s.table[tgt] * math.sqrt(s.table.shape[1])) + s.positions[: tgt.shape[1]]
                ),
            ),
        ),
    ),
    Mistake(
        "dropout_not_handed_on",
        "layers without dropout",
        "Dropout reaches the embedded words and no layer. What are your layers made with?",
        (whole(rate=lambda s, dropout: 0.0),),
    ),
    Mistake(
        "dropout_at_the_end",
        "dropout behind the last norm",
        "You thin the memory, the last states or the logits as well. Which places does the text name?",
        (
            whole(output=lambda s, states: s.drop(states @ s.table.T)),
            whole(output=lambda s, states: s.drop(states) @ s.table.T),
            whole(encode=lambda s, src, src_mask=None: s.drop(Wired.encode(s, src, src_mask))),
        ),
    ),
    Mistake(
        "dropout_in_evaluation",
        "dropout that never stops",
        "In evaluation mode your model still drops numbers, so that two calls give two answers. Who tells a plain "
        "function that training is over, and which module knows it by itself?",
        (
            whole(
                source_words=lambda s, src: _thins(s, s.words(src)), target_words=lambda s, tgt: _thins(s, s.words(tgt))
            ),
            whole(source_words=lambda s, src: _thins(s, s.words(src))),
            whole(target_words=lambda s, tgt: _thins(s, s.words(tgt))),
        ),
    ),
    Mistake(
        "no_gradient",
        "a part without gradients",
        "The logits are right, and a part of your model learns nothing: its gradient is cut off. Where do you use "
        "no_grad, detach or .data?",
        (
            whole(encode=lambda s, src, src_mask=None: Wired.encode(s, src, src_mask).detach()),
            whole(output=lambda s, states: states @ s.table.detach().T),
            whole(words=lambda s, tokens: embed(tokens, s.table.detach(), s.positions)),
            whole(target_words=lambda s, tgt: s.drop(s.words(tgt)).detach()),
            whole(source_words=lambda s, src: s.drop(s.words(src)).detach()),
        ),
    ),
)
