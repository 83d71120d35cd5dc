"""What the machine is good at: threads, precision, memory."""

import ctypes
import os
import statistics
import sys
import time
from contextlib import AbstractContextManager, nullcontext

import torch

from course.errors import CourseError

THREADS_ANYWHERE = 64  # so many threads may be asked for on any computer; of a million, torch would crash
FASTER = 1.5  # bfloat16 must win by this factor, since it also costs conversions that the probe does not see
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h


def pick_device() -> torch.device:
    """The GPU of this process (cuda), else the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def use_threads(threads: int) -> None:
    """Let torch compute with so many threads. Raises `CourseError` for far more than the computer has processors."""
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


def bfloat16_is_faster(device: torch.device) -> bool:
    """Whether matrix products run at least 1.5 times as fast in bfloat16, measured here and now in about 0.1 s.

    CPUs with the right instructions gain a factor of 3 to 4; others lose. A name in a list would age.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(1024, 256, generator=generator), torch.randn(256, 1024, generator=generator)
    return _seconds(a, b) > FASTER * _seconds(a.bfloat16(), b.bfloat16())


def _seconds(a: torch.Tensor, b: torch.Tensor) -> float:
    times = []
    for _ in range(9):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


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
