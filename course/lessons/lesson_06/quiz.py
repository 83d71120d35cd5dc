"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "An encoder has no positions: no table, nothing is turned, no mask. Two words of the sentence exchange their "
        "places. What happens to the output of a third word?",
        choices=["nothing", "it moves a little, and more with every layer", "it moves if it stands between the two"],
        answer="nothing",
        why={
            "nothing": "Every row is a sum over the same words with the same weights, in every layer, and a sum does "
            "not mind the order.",
            "it moves a little, and more with every layer": "That is what happens under a causal mask. Without one, "
            "which of the sums of the first layer has changed?",
            "it moves if it stands between the two": "How would attention know what stands between two words? Where do "
            "places come into a score?",
        },
    ),
    Question(
        "Why has every speed two columns, a sine and a cosine?",
        choices=[
            "with both, moving on by k is the same matrix at every place",
            "so that the numbers stay between -1 and 1",
            "so that no two places have the same row",
        ],
        answer="with both, moving on by k is the same matrix at every place",
        why={
            "with both, moving on by k is the same matrix at every place": "The pair is a hand of a clock, and a "
            "rotation does not ask where the hand stands. From a sine alone nobody can tell whether it rises or falls.",
            "so that the numbers stay between -1 and 1": "A sine does that alone. What does the cosine add?",
            "so that no two places have the same row": "Eight sines of eight speeds have no two equal rows "
            "either. What was it that no matrix could do with them?",
        },
    ),
    Question(
        "Somebody moves all words of a sentence by 30 places, and no score moves. What does this show about the "
        "positions in his code?",
        choices=[
            "that they are right",
            "that where a sentence stands makes no difference; nothing more",
            "that they were forgotten",
        ],
        answer="that where a sentence stands makes no difference; nothing more",
        why={
            "that they are right": "A model without any positions passes this test too. What has to change as well, if "
            "two words change places?",
            "that where a sentence stands makes no difference; nothing more": "Rotary positions pass it, and so does "
            "code in which there are none. A test of what must stay needs another one, of what must move.",
            "that they were forgotten": "That may be so. But which kind of positions would pass this test as well?",
        },
    ),
)
