"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "Somebody adds 100 to all scores of one query. What happens to that query's weights?",
        choices=["they come nearer to each other", "the largest one grows", "nothing"],
        answer="nothing",
        why={
            "nothing": "Softmax sees differences only. The factor e^100 stands above and below the line and cancels.",
            "they come nearer to each other": "Dividing the scores would do that. What does adding change about "
            "the difference between two scores?",
            "the largest one grows": "Multiplying the scores would do that. What does adding change about the "
            "difference between two scores?",
        },
    ),
    Question(
        "q is (4, 64), k is (9, 64), v is (9, 32). Which shapes do weights and output have?",
        choices=["(4, 9) and (4, 64)", "(4, 9) and (4, 32)", "(9, 4) and (9, 32)"],
        answer="(4, 9) and (4, 32)",
        why={
            "(4, 9) and (4, 64)": "The weights are right. Whose rows does step 4 mix, and how wide are they?",
            "(9, 4) and (9, 32)": "Each of the 4 queries gets one row of weights and one output. Which axis "
            "comes first?",
        },
    ),
    Question(
        "You initialize a model whose d_k is 512 and forget to divide by its square root. What do you "
        "expect at the first training step?",
        choices=[
            "most queries give nearly all weight to one key picked by chance",
            "all keys get about the same weight",
            "no difference, since softmax normalizes anyway",
        ],
        answer="most queries give nearly all weight to one key picked by chance",
        why={
            "all keys get about the same weight": "That is what very small scores would do. Is the variance of "
            "an unscaled score small at d_k = 512?",
            "no difference, since softmax normalizes anyway": "It makes the sum 1. But at $d_k = 512$ an "
            "unscaled score has a standard deviation of $\\sqrt{512} = 22.6$. How large is the share of a key whose "
            "score lies 22.6 below the largest?",
        },
    ),
)
