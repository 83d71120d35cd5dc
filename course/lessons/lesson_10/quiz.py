"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "A training reports a loss of 0.9 nats a word. Its author then sorts the batches by length and changes nothing "
        "else, and the loss goes up to 1.6. What is the likely reason?",
        choices=[
            "padding counts in the loss, and now there is less of it",
            "sorted batches are harder to learn",
            "the model has forgotten something",
        ],
        answer="padding counts in the loss, and now there is less of it",
        why={
            "padding counts in the loss, and now there is less of it": "Padding is learned in no time, so every place "
            "of it pulls the mean down. Nothing about the words has changed.",
            "sorted batches are harder to learn": "The words to say are the same, and so are the words given. What "
            "else stands in a batch that is not sorted?",
            "the model has forgotten something": "Between two validations that differ only in their batches? What does "
            "a mean go over?",
        },
    ),
    Question(
        "Vocabulary 10,000, label smoothing 0.1. The training loss has come down to 1.26 and stays there. What do you "
        "know?",
        choices=[
            "it can hardly go lower, whatever the model knows",
            "the model says every third word rightly",
            "the rate is too high",
        ],
        answer="it can hardly go lower, whatever the model knows",
        why={
            "it can hardly go lower, whatever the model knows": "The floor is the entropy of the target, 1.25 nats. "
            "Look at the loss without smoothing, on sentences that were not trained on.",
            "the model says every third word rightly": "exp(-1.26) is 0.28, which would be the usual share of the "
            "right word WITHOUT smoothing. What is the lowest loss with it?",
            "the rate is too high": "That can be. But first: what would a perfect model report here?",
        },
    ),
    Question(
        "Three batches of 4, 6 and 40 words, one update. What is each batch's mean loss multiplied by, so that the "
        "gradient is that of one batch of 50 words?",
        choices=["4/50, 6/50 and 40/50", "1/3 each", "1/4, 1/6 and 1/40"],
        answer="4/50, 6/50 and 40/50",
        why={
            "4/50, 6/50 and 40/50": "A mean times its number of words is a sum, and the sum over 50 words divided by "
            "50 is their mean.",
            "1/3 each": "Then a word of the first batch counts ten times as much as one of the third. When would it be "
            "right?",
            "1/4, 1/6 and 1/40": "Each mean has been divided by its words already. What makes a sum of it again?",
        },
    ),
)
