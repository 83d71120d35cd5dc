"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "Without label smoothing, your new model has a training loss of 0.02, a validation loss of 0.03, and its "
        "translations are rubbish. "
        "What do you look at first?",
        choices=[
            "whether the decoder can see the word that it has to predict",
            "whether it has overfitted the training sentences",
            "whether the learning rate was too high",
        ],
        answer="whether the decoder can see the word that it has to predict",
        why={
            "whether it has overfitted the training sentences": "Then the validation loss would be much higher than "
            "the training loss. What do both losses have in common that generating has not?",
            "whether the learning rate was too high": "A rate that is too high keeps the loss up. What could bring "
            "both losses so close to 0?",
        },
    ),
    Question(
        "Of the same 300 sentences, model A has 291 right (95 % interval 94.4 to 98.4) and model B 286 (92.3 to 97.2). "
        "What do you know?",
        choices=[
            "A is better, by 1.7 points",
            "the order may be chance; a test on the paired sentences could say more",
            "both are equally good",
        ],
        answer="the order may be chance; a test on the paired sentences could say more",
        why={
            "A is better, by 1.7 points": "On these 300, yes. Would 300 others, or another seed of the training, have "
            "to give the same order?",
            "both are equally good": "Not being able to tell two things apart does not make them equal. What would "
            "you have to do to see a difference of 2 points?",
        },
    ),
    Question(
        "Sentences with a fronted because-clause are right in 85 %, all others in 95 %. When is the because-clause to "
        "blame?",
        choices=[
            "in any case; 85 is less than 95",
            "if sentences of the same length without one do better",
            "if the because-clause is rare in training",
        ],
        answer="if sentences of the same length without one do better",
        why={
            "in any case; 85 is less than 95": "Such sentences have two clauses, so they are longer than most. What "
            "else is different about long sentences?",
            "if the because-clause is rare in training": "That might be a reason for its being hard. But how do you "
            "find out that it is hard at all?",
        },
    ),
)
