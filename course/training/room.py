"""Whether a training fits into memory, from its settings and the length of its text: asked before any work."""

import torch

from course.data import ParallelText
from course.memory import require_memory
from course.model import ModelConfig, count_parameters, training_bytes
from course.training.config import TrainingConfig

LETTERS_OF_A_TOKEN = 4  # about so many, in languages with an alphabet
LOWER = "batch_tokens, d_model, d_ff, max_len, vocabulary or number of layers"
BYTES = 260  # a vocabulary's pieces before the first one that is learned


def fillable_vocabulary(wanted: int, text: ParallelText) -> int:
    """No text fills a vocabulary with more pieces than it has bytes, beside the 256 bytes and the special tokens."""
    return min(wanted, BYTES + sum(len(line.encode("utf-8", "replace")) for line in (*text.source, *text.target)))


def require_training_room(
    config: ModelConfig, training: TrainingConfig, text: ParallelText, device: torch.device
) -> None:
    """Raise `CourseError`, with figures, where training would need more memory than there is."""
    tokens = sum(len(line) // LETTERS_OF_A_TOKEN + 1 for line in text.target)
    longest = max((len(line) // LETTERS_OF_A_TOKEN + 1 for line in (*text.source, *text.target)), default=1)
    needed = training_bytes(
        config, tokens=min(training.batch_tokens, tokens), length=longest, averaged=training.averaging != "none"
    )
    require_memory(needed, f"training {count_parameters(config):,} parameters", LOWER, device)
