"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "Somebody writes pre-norm as: x = norm(x), and then x = x + f(x). What has been built?",
        choices=["pre-norm", "post-norm, but for where it begins and ends", "neither: a norm without a path"],
        answer="post-norm, but for where it begins and ends",
        why={
            "pre-norm": "In pre-norm the x of the sum is the one that came in. Which one is it here?",
            "post-norm, but for where it begins and ends": "What is kept is normed, every time. Norm, add, norm, add: "
            "whether you call a norm the beginning of a block or the end of the one before makes no difference.",
            "neither: a norm without a path": "There is a path, since f(x) is added to something. What stands on it?",
        },
    ),
    Question(
        "A vector goes through layer norm with gain 1 and bias 0, and the same vector times 10 does. Which results?",
        choices=[
            "the same, nearly: eps is all that tells them apart",
            "the second is ten times as large",
            "the second is smaller, since it is divided by more",
        ],
        answer="the same, nearly: eps is all that tells them apart",
        why={
            "the same, nearly: eps is all that tells them apart": "The spread is ten times as large as well, and it is "
            "divided out. How large the vector was is gone.",
            "the second is ten times as large": "By what is it divided, and how large is that the second time?",
            "the second is smaller, since it is divided by more": "It is divided by ten times as much. And what is "
            "divided?",
        },
    ),
    Question(
        "A stack is made with [make()] * 6, and it is trained. What gives it away?",
        choices=["the loss does not fall", "the number of its parameters", "the shape of its output"],
        answer="the number of its parameters",
        why={
            "the loss does not fall": "One layer that is used six times can be trained, by the sum of six gradients.",
            "the number of its parameters": "Six names for one object: as many as a single layer has.",
            "the shape of its output": "That is right. What does the stack own?",
        },
    ),
)
