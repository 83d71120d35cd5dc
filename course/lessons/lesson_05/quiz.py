"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "A column of the weights belongs to a pad. You find 0.11 in it, in every row, and every row sums to 1. "
        "What has been done?",
        choices=[
            "the mask was applied after the softmax",
            "a forbidden score was set to 0",
            "the pads were hidden as queries",
        ],
        answer="a forbidden score was set to 0",
        why={
            "a forbidden score was set to 0": "Its power is $e^0 = 1$, so it gets a part, and rows still sum to 1.",
            "the mask was applied after the softmax": "Then the column would hold zeros. What would be wrong with the "
            "sums of the rows?",
            "the pads were hidden as queries": "That empties the rows of pads, and here every row sums to 1. What "
            "would the rows of the pads sum to?",
        },
    ),
    Question(
        "A batch is padded on the right, and the decoder's mask is `causal_mask(T)` alone: the padding half was "
        "forgotten. Which outputs at real words are wrong?",
        choices=["all of them", "those beside a pad", "none"],
        answer="none",
        why={
            "none": "Every pad stands after every real word, and the causal rule hides what stands after. It is luck, "
            "and ends where a batch is padded on the left.",
            "all of them": "Take one real word. Does a pad stand before it, so that it may look at it?",
            "those beside a pad": "The last real word has a pad to its right. May it look to the right?",
        },
    ),
    Question(
        "You have a model of which you know nothing but that `f(x)` runs it. Which test shows that no output depends "
        "on what comes after it?",
        choices=[
            "all rows of its attention weights sum to 1",
            "its mask is boolean and has the shape (T, T)",
            "exchange a late token, and no earlier output moves",
        ],
        answer="exchange a late token, and no earlier output moves",
        why={
            "all rows of its attention weights sum to 1": "Ten of the twelve readers of section 6 pass that test. "
            "How many of them are right?",
            "its mask is boolean and has the shape (T, T)": "So does a mask of the other triangle. And can you see the "
            "mask of a model that you can only run?",
        },
    ),
)
