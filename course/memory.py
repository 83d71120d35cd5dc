"""How much memory a piece of work would need, against what there is: said with figures before the work begins.

Without this, what is far too large ends in minutes of silence, in a crash of torch, or in a process that is killed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from course.errors import CourseError

if TYPE_CHECKING:
    import torch

CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_here(device: torch.device | None = None) -> int:
    """Bytes that this computer, the container around this process, or a GPU of type cuda has in all."""
    if device is not None and device.type == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(device).total_memory)
    import psutil

    return min([int(psutil.virtual_memory().total), *_container_limits()])


def _container_limits() -> list[int]:
    """What Linux's control groups allow: in a container, the computer's own figure is too large."""
    found = []
    for place in CONTAINER_LIMITS:
        try:
            text = Path(place).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        if text.isdigit():  # else it is "max"
            found.append(int(text))
    return found


def require_memory(needed: int, what: str, lower: str, device: torch.device | None = None) -> None:
    """Raise `CourseError` where work would need more memory than there is.

    Args:
        needed: bytes, by estimate.
        what: the work, as the beginning of a sentence: "training".
        lower: the options of which a smaller value helps, in words.
        device: where the work is done; None for the CPU.
    """
    there = memory_here(device)
    if needed > there:
        whose = "this GPU" if device is not None and device.type == "cuda" else "this computer"
        raise CourseError(
            f"{what} would need about {_gb(needed)}, but {whose} has {_gb(there)}: choose a smaller {lower}."
        )


def _gb(size: int) -> str:
    """Bytes as people say them: 5.3 GB, 197 GB."""
    gigabytes = size / 1e9
    return f"{gigabytes:,.0f} GB" if gigabytes >= 10 else f"{gigabytes:.1f} GB"
