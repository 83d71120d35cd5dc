"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "You exchange the additive score for the same without tanh, v · (s W_q + h_j W_k), and train. What can the "
        "decoder no longer do?",
        choices=[
            "look at several words at once",
            "look at another place at another step",
            "leave pads out",
        ],
        answer="look at another place at another step",
        why={
            "look at several words at once": "Softmax still deals out shares to all words. What do these shares depend "
            "on now?",
            "look at another place at another step": "What the state adds is the same for all words, and softmax takes "
            "it out again. The weights depend on the words alone, so every step gets the same context: a fixed vector.",
            "leave pads out": "The mask acts on scores, however they were made. Which part of the score has lost its "
            "effect?",
        },
    ),
    Question(
        "A row of weights of local-p sums to 0.6. What has happened?",
        choices=[
            "the mask was applied after softmax",
            "some weight fell on pads",
            "words with large weights stand away from the center",
        ],
        answer="words with large weights stand away from the center",
        why={
            "the mask was applied after softmax": "That makes rows sum to less than 1, too. But which factor of "
            "local-p does so with a mask that is quite right?",
            "some weight fell on pads": "Pads have weight 0 here. And if they had some, would the row not sum to 1 "
            "with them?",
            "words with large weights stand away from the center": "Softmax gave out 1 inside the window; the bell "
            "curve took 0.4 of it back, and nothing divides again. A look beside the guessed place brings home less.",
        },
    ),
    Question(
        "Model A has an alignment error of 0.35, model B one of 0.20. Which of them translates better?",
        choices=["A", "B", "that cannot be said"],
        answer="that cannot be said",
        why={
            "A": "Is there a reason why a model should translate better for looking elsewhere?",
            "B": "B looks where a dictionary would. Does a decoder that needs a gender have to look at the pronoun "
            "that it is translating?",
            "that cannot be said": "The rate compares looks with links between words that translate each other. A look "
            "may go where the information is instead, and what the encoder has put into a state, no map shows.",
        },
    ),
)
