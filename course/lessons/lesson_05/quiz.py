"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "In the row of hat of section 2, eine is to be hidden. You find the weight 1/9 on it, and the row sums to 1. "
        "What has been done?",
        choices=[
            "the mask was applied after the softmax",
            "its score was set to 0",
            "nothing was hidden",
        ],
        answer="its score was set to 0",
        why={
            "its score was set to 0": "Its power is $e^0 = 1$, one part of $1 + 1 + 4 + 2 + 1 = 9$, and the row still "
            "sums to 1.",
            "the mask was applied after the softmax": "Then eine would have the weight 0. What would the row sum to?",
            "nothing was hidden": "Then eine would have kept its power of 8. What would its weight be?",
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
            "exchange each token in turn, and no output before it moves",
        ],
        answer="exchange each token in turn, and no output before it moves",
        why={
            "all rows of its attention weights sum to 1": "In section 6, ten of the twelve readers pass that test in "
            "the rows of words. How many of them are right?",
            "its mask is boolean and has the shape (T, T)": "So does a mask of the other triangle. And can you see the "
            "mask of a model that you can only run?",
        },
    ),
)
