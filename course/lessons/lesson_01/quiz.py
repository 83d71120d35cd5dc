"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "In a plain network of one number U is 0.5. You find the state after France unchanged ten words later. "
        "By how much, at most, does the last state move if the state after France moves by 1?",
        choices=["by 1, since it is remembered", "by about 0.001", "that depends on the word at the end"],
        answer="by about 0.001",
        why={
            "by about 0.001": "Each word multiplies by at most U, and 0.5 to the power of 10 is 0.00098. (A bias may "
            "hold the state where it is; that is remembering without listening.)",
            "by 1, since it is remembered": "A state may stay because something else holds it. What does each of the "
            "ten steps multiply by?",
            "that depends on the word at the end": "The slope of tanh depends on it. How large can that slope be?",
        },
    ),
    Question(
        "A batch is sorted, so that all sentences in it are equally long. The encoder reads on over pads. Which "
        "sentences get a wrong vector?",
        choices=["none", "the shorter ones", "all of them"],
        answer="none",
        why={
            "none": "There are no pads to read over. It will show in a batch of other lengths, perhaps years later.",
            "the shorter ones": "Which of them has a pad behind it?",
            "all of them": "The states are wrong from the first pad on. Where does it stand?",
        },
    ),
    Question(
        "You double the width of the fixed vector. What happens to the number of steps that must be done one after the "
        "other for a sentence of 40 words?",
        choices=["it doubles", "it stays 40", "it halves"],
        answer="it stays 40",
        why={
            "it stays 40": "One for each word, however much is computed in each. (And as many again to write.)",
            "it doubles": "Each step has more to compute. Are there more steps?",
            "it halves": "Twice as many numbers are rewritten at once. But does the reader see two words at a time?",
        },
    ),
)
