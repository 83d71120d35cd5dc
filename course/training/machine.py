"""What the machine is good at: threads, precision, memory."""

import ctypes
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from course.errors import CourseError
from course.model.config import require_count

THREADS_ANYWHERE = 64  # so many threads may be asked for on any computer; of a million, torch would crash
FASTER = 1.5  # bfloat16 must win by this factor, since it also costs conversions that the probe does not see
PROBE_SECONDS, TURNS, FEWEST_TURNS = 0.3, 9, 3  # of the probe: when it stops, and when it has seen too little
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h


def pick_device() -> torch.device:
    """The GPU of this process (cuda), else the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def use_threads(threads: int) -> None:
    """Let torch compute with so many threads. Raises `CourseError` for far more than the computer has processors."""
    require_count("threads", threads, minimum=1)
    most = max(THREADS_ANYWHERE, os.cpu_count() or 1)
    if threads > most:
        raise CourseError(f"threads is {threads}, but this computer has {os.cpu_count()} processors: ask for fewer.")
    torch.set_num_threads(threads)


def keep_memory() -> bool:
    """Let the C library keep freed memory for the next step instead of giving it back; True if that worked.

    glibc returns every block above 32 MB at once, and the next step pays a page fault for each 4 KB of it again.
    Raising two thresholds makes a training step markedly faster. Linux with glibc only; harmless elsewhere.
    """
    _keep_few_kernels()
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, 1 << 30)) and bool(mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1))


def _keep_few_kernels() -> None:
    """Let oneDNN keep few compiled products: it keeps 1,024, and each shape of a batch brings ten of its own.

    Read at the first product of a process; later it has no effect. With 128 a training run in bfloat16 needs three
    quarters of the memory and is as fast (findings/torch_keeps_a_product_for_each_shape.sh).
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")


def bfloat16_is_faster(device: torch.device, seconds_of: Callable[[Tensor, Tensor], float] | None = None) -> bool:
    """Whether matrix products run at least 1.5 times as fast in bfloat16, measured here and now in at most about 0.3 s.

    CPUs with the right instructions gain a factor of 3 to 4; others lose. A name in a list would age. On a busy machine
    any single product may be slow by chance: the two kinds take turns, and bfloat16 must win both by its best time and
    in most of the turns. In doubt, and where there is time for few turns only, the answer is no.

    seconds_of: takes the time of one product.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    seconds_of = seconds_of or product_seconds
    end = time.perf_counter() + PROBE_SECONDS
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(1024, 256, generator=generator), torch.randn(256, 1024, generator=generator)
    a16, b16 = a.bfloat16(), b.bfloat16()
    product_seconds(a, b), product_seconds(a16, b16)  # the first of its kind is compiled
    turns: list[tuple[float, float]] = []
    while len(turns) < TURNS and time.perf_counter() < end:
        turns.append((seconds_of(a, b), seconds_of(a16, b16)))
    if len(turns) < FEWEST_TURNS:
        return False
    wide, narrow = zip(*turns, strict=True)
    wins = sum(one > FASTER * other for one, other in turns)
    return min(wide) > FASTER * min(narrow) and wins > len(turns) / 2


def product_seconds(a: Tensor, b: Tensor) -> float:
    """Seconds on the wall that one matrix product takes."""
    start = time.perf_counter()
    a @ b
    return time.perf_counter() - start


def choose_precision(wanted: str, device: torch.device) -> str:
    """What was asked for, "float32" or "bfloat16"; for "auto" the faster of the two on this device."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if bfloat16_is_faster(device) else "float32"


def autocast(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Inside, matrix products run in the given precision; the weights stay float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
