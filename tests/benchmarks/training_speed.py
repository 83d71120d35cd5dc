"""Training throughput: our loop against `torch.nn.Transformer`, taking turns in one run.

The contestants are processes of their own, since one of the things that differ is how a process keeps its memory.
Sizes, parameters, batches, loss, optimizer and number of threads are the same; in every round each contestant trains
on the same batches, one contestant at a time, and the ratio is the median over the rounds.
"""

import multiprocessing
import random
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.data import length_bucketed_batches
from course.data.batches import Batch
from course.model import Transformer, TransformerConfig
from course.model.positions import sinusoidal_positions
from course.special import PAD
from course.training import PRESETS, machine
from course.training.config import TrainingConfig
from course.training.loop import SummedLoss
from course.training.optimizer import make_optimizer

ROUNDS, BATCHES_A_ROUND = 16, 3
LARGER = replace(PRESETS["10min"].training, batch_tokens=2500)
RECIPES = PRESETS | {"larger_batches": replace(PRESETS["10min"], training=LARGER)}
Step = Callable[[Batch], float]


def preset(name: str = "10min") -> tuple[TransformerConfig, TrainingConfig]:
    """Sizes of a preset, or of the ten-minute one with 2,500 tokens a batch ("larger_batches"), and AdamW."""
    chosen = RECIPES[name]
    sizes = {"src_vocab_size": chosen.vocab_size, "tgt_vocab_size": chosen.vocab_size}
    training = replace(chosen.training, optimizer="adamw")  # the same for all contestants; Muon knows our layers only
    return TransformerConfig.from_dict(chosen.model | sizes), training


def made_up_batches(config: TransformerConfig, training: TrainingConfig) -> list[Batch]:
    """Batches with sentence lengths like those of captions: about 15 tokens, from 5 to 40, the two sides alike.

    Multi30k's own sentences have 17 and 18 tokens and, being ten times as many, less padding: 1 % instead of 4 %.
    """
    numbers = random.Random(7)
    examples = []
    for _ in range(3000):
        length = min(40, max(5, round(numbers.gauss(15, 5))))
        other = min(40, max(5, length + numbers.randint(-3, 3)))
        examples.append(tuple([numbers.randrange(4, config.src_vocab_size) for _ in range(n)] for n in (length, other)))
    batches = length_bucketed_batches(examples, max_tokens=training.batch_tokens, seed=1, epoch=0)
    return [batch for batch in batches if batch.labels.numel() > 0.8 * training.batch_tokens]


class TorchTransformer(nn.Module):
    """The same translator from torch's own parts, as its tutorials put it together; logits at every position."""

    def __init__(self, config: TransformerConfig, *, same_dropout: bool):
        super().__init__()
        self.scale = config.d_model**0.5
        self.embedding = nn.Embedding(config.tgt_vocab_size, config.d_model)
        nn.init.normal_(self.embedding.weight, std=config.d_model**-0.5)
        self.register_buffer("positions", sinusoidal_positions(config.max_len, config.d_model).float())
        self.dropout = nn.Dropout(config.dropout)
        self.transformer = nn.Transformer(
            config.d_model, config.n_heads, config.n_encoder_layers, config.n_decoder_layers, config.d_ff,
            config.dropout, batch_first=True, bias=config.bias, norm_first=config.norm == "pre",
        )  # fmt: skip
        if same_dropout:  # torch also drops attention weights and inside the feed-forward; the paper and we do not
            for module in self.transformer.modules():
                if isinstance(module, nn.MultiheadAttention):
                    module.dropout = 0.0
                if isinstance(module, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer):
                    module.dropout.p = 0.0

    def embed(self, tokens: Tensor) -> Tensor:
        return self.dropout(self.embedding(tokens) * self.scale + self.positions[: tokens.shape[1]])

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        causal = nn.Transformer.generate_square_subsequent_mask(tgt.shape[1], dtype=torch.bool)
        states = self.transformer(
            self.embed(src), self.embed(tgt), tgt_mask=causal, src_key_padding_mask=src == PAD,
            memory_key_padding_mask=src == PAD, tgt_is_causal=True,
        )  # fmt: skip
        return F.linear(states, self.embedding.weight)


def update(loss: Tensor, model: nn.Module, optimizer: torch.optim.Optimizer, training: TrainingConfig) -> float:
    """What follows the loss; the same for all contestants."""
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), training.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def our_step(sizes: str) -> Step:
    config, training = preset(sizes)
    machine.keep_memory()
    precision = machine.choose_precision("auto", torch.device("cpu"))
    model = Transformer(config).train()
    summed, optimizer = SummedLoss(model, training.label_smoothing), make_optimizer(model, training)

    def step(batch: Batch) -> float:
        with machine.autocast(precision, torch.device("cpu")):
            loss = summed(batch.src, batch.tgt_in, batch.labels)
        return update(loss / batch.n_target_tokens, model, optimizer, training)

    return step


def torch_step(sizes: str, *, same_dropout: bool, keep_memory: bool) -> Step:
    config, training = preset(sizes)
    if keep_memory:
        machine.keep_memory()
    model = TorchTransformer(config, same_dropout=same_dropout).train()
    optimizer = make_optimizer(model, training)

    def step(batch: Batch) -> float:
        logits = model(batch.src, batch.tgt_in).flatten(0, 1)
        loss = F.cross_entropy(
            logits, batch.labels.flatten(), ignore_index=PAD, label_smoothing=training.label_smoothing
        )
        return update(loss, model, optimizer, training)

    return step


CONTESTANTS: dict[str, Callable[[str], Step]] = {
    "course": our_step,
    "torch": lambda sizes: torch_step(sizes, same_dropout=False, keep_memory=False),
    "torch, our dropout places": lambda sizes: torch_step(sizes, same_dropout=True, keep_memory=False),
    "torch, our dropout places and memory": lambda sizes: torch_step(sizes, same_dropout=True, keep_memory=True),
}


def worker(name: str, sizes: str, pipe: Connection, threads: int) -> None:
    """Train on the batches whose numbers come through the pipe; answer with the seconds that it took."""
    warnings.filterwarnings("ignore", category=UserWarning)  # torch says that pre-norm cannot use its nested tensors
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    step, batches = CONTESTANTS[name](sizes), made_up_batches(*preset(sizes))
    pipe.send("ready")
    while (numbers := pipe.recv()) is not None:
        start = time.perf_counter()
        for number in numbers:
            step(batches[number % len(batches)])
        pipe.send(time.perf_counter() - start)


@contextmanager
def contestants(names: list[str], sizes: str, threads: int) -> Iterator[dict[str, Connection]]:
    """Start a process for each, wait until all are ready, end them afterward."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name in names:
        pipes[name], theirs = context.Pipe()
        processes.append(context.Process(target=worker, args=(name, sizes, theirs, threads), daemon=True))
        processes[-1].start()
        pipes[name].recv()
    try:
        yield pipes
    finally:
        for pipe in pipes.values():
            pipe.send(None)
        for process in processes:
            process.join(10)


def ratios(names: list[str], *, sizes: str, rounds: int) -> tuple[dict[str, float], float]:
    """How many times longer each contestant takes than ours (medians over rounds), and our target tokens a second."""
    batches = made_up_batches(*preset(sizes))
    seconds: dict[str, list[float]] = {name: [] for name in ["course", *names]}
    tokens = []
    with contestants(list(seconds), sizes, torch.get_num_threads()) as pipes:
        for turn in range(-1, rounds):  # turn -1 warms up
            numbers = [turn * BATCHES_A_ROUND + i for i in range(BATCHES_A_ROUND)]
            for name, pipe in pipes.items():
                pipe.send(numbers)
                spent = pipe.recv()
                if turn >= 0:
                    seconds[name].append(spent)
            if turn >= 0:
                tokens.append(sum(batches[n % len(batches)].n_target_tokens for n in numbers))
    ours = seconds["course"]
    found = {name: statistics.median(t / o for t, o in zip(seconds[name], ours, strict=True)) for name in names}
    return found, statistics.median(t / s for t, s in zip(tokens, ours, strict=True))


def measure(rounds: int = ROUNDS) -> dict[str, Any]:
    """Ratios of training throughput (above 1: ours is faster), and our target tokens per second.

    At the sizes of the ten-minute preset in full; torch as it comes also with larger batches than the preset's 1,000
    tokens, and at the sizes of the two larger presets, since the ratio depends on what is trained.
    """
    found, speed = ratios([name for name in CONTESTANTS if name != "course"], sizes="10min", rounds=rounds)
    others = {
        name: ratios(["torch"], sizes=name, rounds=max(2, rounds // 3))[0]["torch"]
        for name in ("larger_batches", "45min", "paper")
    }
    return {
        "train_ratio_vs_torch": round(found["torch"], 2),
        "train_ratio_vs_torch_with_our_dropout_places": round(found["torch, our dropout places"], 2),
        "train_ratio_vs_torch_with_our_dropout_places_and_memory": round(
            found["torch, our dropout places and memory"], 2
        ),
        "train_ratio_vs_torch_with_larger_batches": round(others["larger_batches"], 2),
        "train_ratio_vs_torch_at_45min_sizes": round(others["45min"], 2),
        "train_ratio_vs_torch_at_paper_sizes": round(others["paper"], 2),
        "train_tokens_per_second": round(speed),
        "train_precision": machine.choose_precision("auto", torch.device("cpu")),
        "train_threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key}: {value}")
