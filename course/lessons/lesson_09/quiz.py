"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "Two libraries learn merges from the same text and count alike. One of them lists other merges than the other. "
        "What may be the reason?",
        choices=[
            "they break ties by different rules",
            "one of them has a bug",
            "they read the lines in another order",
        ],
        answer="they break ties by different rules",
        why={
            "they break ties by different rules": "Most merges of a small text are decided among pairs that are "
            "equally frequent, and nothing in the method says which of them comes first.",
            "one of them has a bug": "That may be so, but look at the first merge that differs. Is the pair of the one "
            "more frequent than that of the other?",
            "they read the lines in another order": "Only counts of words go in. Does a sum mind the order of what is "
            "added?",
        },
    ),
    Question(
        "In a batch the longest source has 9 ids, its end included, and the longest target 12. A pair of 3 and 4 joins "
        "them. What changes?",
        choices=[
            "one row more in each rectangle, and most of it is padding",
            "the rectangles get narrower",
            "nothing: the pair is shorter than the others",
        ],
        answer="one row more in each rectangle, and most of it is padding",
        why={
            "one row more in each rectangle, and most of it is padding": "A row is as wide as the widest. 6 of its 9 "
            "and 8 of its 12 positions are computed for nothing.",
            "the rectangles get narrower": "What decides how wide they are: the longest row, or the mean?",
            "nothing: the pair is shorter than the others": "It needs a row of its own. How many positions has a row?",
        },
    ),
    Question(
        "The training loss falls steadily and then stays at a value that is a little high. Which mistake does that not "
        "rule out?",
        choices=[
            "one file lost a line, and every later source has its neighbor's translation",
            "the model was never updated",
            "all labels are padding",
        ],
        answer="one file lost a line, and every later source has its neighbor's translation",
        why={
            "one file lost a line, and every later source has its neighbor's translation": "What the model can learn "
            "from such pairs is the target language alone, and learning that makes the loss fall nicely.",
            "the model was never updated": "Then from where would it fall?",
            "all labels are padding": "Then there is nothing to take the mean of. What would the loss be?",
        },
    ),
)
