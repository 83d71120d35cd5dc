"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "A target of 4 words and a source of 9. Which shape have the weights of one head of cross-attention?",
        choices=["(4, 9)", "(9, 4)", "(4, 4)", "(9, 9)"],
        answer="(4, 9)",
        why={
            "(4, 9)": "Each word of the target asks, and has a weight for each word of the source. A row adds up to 1.",
            "(9, 4)": "That would be the source asking the target. Who needs something, and who has it?",
            "(4, 4)": "That is the decoder's self-attention. Where would the source come in?",
            "(9, 9)": "That is the encoder's self-attention. Where would the target come in?",
        },
    ),
    Question(
        "Why are words multiplied by the root of d_model?",
        choices=[
            "so that a table whose rows are short enough for the output is heard beside the positions",
            "so that the scores of attention have variance 1",
            "so that gradients do not vanish in deep stacks",
        ],
        answer="so that a table whose rows are short enough for the output is heard beside the positions",
        why={
            "so that a table whose rows are short enough for the output is heard beside the positions": "One table, "
            "two jobs: as the output layer it wants rows of length about 1, and as the input rows as long as their "
            "places.",
            "so that the scores of attention have variance 1": "That is what dividing by the root of d_k does, inside "
            "of attention. What stands between the embedding and the first scores that sets every size anew?",
            "so that gradients do not vanish in deep stacks": "For that there is the residual path. What is added to "
            "the words right after they have been multiplied?",
        },
    ),
    Question(
        "Somebody's Transformer has a very small loss in training and writes nonsense by itself. Which of the four "
        "tests would you try first?",
        choices=["causality", "padding", "batch"],
        answer="causality",
        why={
            "causality": "A model that sees the next word in training has only learned to copy it, and alone it has "
            "nothing to copy from. The loss is then not just good but too good.",
            "padding": "Pads that are listened to cost a little quality. Would they make the loss small in training "
            "and everything wrong afterwards?",
            "batch": "That costs some words, not all of them. What could make every word wrong, and the loss too good?",
        },
    ),
)
