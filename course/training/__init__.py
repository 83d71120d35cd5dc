"""From sentence pairs to a trained model in a run folder.

Read in this order: `config` (what can be set), `schedule`, `loss`, `loop` (the training itself), `session` (what one
sitting works with), `validation`, `checkpoint` (what is kept), `run_folder` (how it begins and is replaced), `run_file`
and `fingerprint` (what it says of itself), `lock` and `ownership` (who may write), `log` (what is said), `machine` and
`distributed` (what it runs on).
"""

from course.training.config import PRESETS, Preset, TrainingConfig
from course.training.loop import MeanLoss, Rate, Step, TrainingResult, train, training_step

__all__ = [
    "PRESETS",
    "MeanLoss",
    "Preset",
    "Rate",
    "Step",
    "TrainingConfig",
    "TrainingResult",
    "train",
    "training_step",
]
