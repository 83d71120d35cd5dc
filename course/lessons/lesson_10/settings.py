"""The ways of training that this lesson compares. Imports no torch."""

from dataclasses import dataclass

CORPUS = "embedded-en-de"
STEPS = 600  # updates of a run


@dataclass(frozen=True)
class Setting:
    """One way to train.

    Attributes:
        name: in the log.
        optimizer: "sgd", "adamw" or "muon".
        lr: the peak of the rate.
        eps: of label smoothing, as torch defines it.
        warmup: updates until the peak.
        mixed_lengths: whether sentences of all lengths stand in one batch.
        counts_padding: whether the loss is a mean over padding too.
        sentences: how many of the training sentences are used; None for all.
    """

    name: str
    optimizer: str = "adamw"
    lr: float = 4e-3
    eps: float = 0.1
    warmup: int = 100
    mixed_lengths: bool = False
    counts_padding: bool = False
    sentences: int | None = None


RATES = {"sgd": (1.0, 3.0, 10.0), "adamw": (4e-3, 1.6e-2, 6.4e-2), "muon": (1.2e-2, 3.6e-2, 0.108)}
RACE = tuple(Setting(f"{optimizer}-{rate:g}", optimizer, rate) for optimizer, rates in RATES.items() for rate in rates)
UNSMOOTHED = Setting("eps-0", eps=0.0)  # the same with smoothing is one of the race
FEW = tuple(Setting(f"few-eps-{eps:g}", eps=eps, sentences=1500) for eps in (0.0, 0.1))
WARMUPS = (
    Setting("cold-0.004", warmup=1),
    Setting("cold-0.016", lr=1.6e-2, warmup=1),
)
PADDED = (
    Setting("padding-left-out", eps=0.0, mixed_lengths=True),
    Setting("padding-counted", eps=0.0, mixed_lengths=True, counts_padding=True),
)
SETTINGS = {each.name: each for each in (*RACE, UNSMOOTHED, *FEW, *WARMUPS, *PADDED)}
