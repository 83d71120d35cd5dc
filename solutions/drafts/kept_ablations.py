"""What tests/test_lab_ablations.py shall also hold once the logs of the ablations are in the package."""

import json

from course.lab import ablations
from course.lab.ablations import read_records, read_scores


def test_the_kept_runs_are_complete_and_say_what_the_lesson_says():
    """The logs in the package: one for each ablation, and the findings that the lesson's text relies on."""
    scores = read_scores()
    assert tuple(scores) == ablations.names()
    for name in scores:
        assert sum("loss" in record for record in read_records(name)) >= 20
        assert json.dumps(scores[name])
    right = {name: ablations.exact(found, "test_iid") for name, found in scores.items()}
    assert right["baseline"] >= 90
    assert right["no_positions"] < right["baseline"] - 20
    assert abs(right["one_head"] - right["baseline"]) < 15
    assert right["deep_post_cold"] < 10 < 60 < right["deep_post"]
    assert right["deep_pre_cold"] > 60
    assert right["leak"] < 2
    assert scores["leak"]["val_loss"] < 0.5 * scores["baseline"]["val_loss"]
