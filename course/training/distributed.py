"""One process or several: who am I, and who speaks for all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from course.errors import CourseError


@dataclass(frozen=True)
class Team:
    """The processes that train together. rank 0 leads: it alone validates, prints and writes."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0

    def total(self, value: float) -> float:
        """The sum of a number over all processes, in float64."""
        if self.size == 1:
            return value
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        number = torch.tensor(value, dtype=torch.float64, device=device)
        dist.all_reduce(number)
        return float(number)

    def leader_says(self, value: float) -> float:
        """The leader's number, known to all; clocks differ, and all must agree when to stop."""
        return self.total(value if self.leads else 0.0)

    def wait(self) -> None:
        """Until all have come this far."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def team_from_environment() -> Iterator[Team]:
    """The team that `torchrun` started this process in, or a team of one.

    gloo on CPUs, nccl on GPUs (one GPU a process).
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if size > 1 and missing and not dist.is_initialized():
        raise CourseError(
            f"WORLD_SIZE is {size}, but {missing[0]} is not set: start several processes with torchrun, or unset "
            "WORLD_SIZE to train with one."
        )
    if size == 1 or dist.is_initialized():
        yield Team(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else Team()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Team(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
