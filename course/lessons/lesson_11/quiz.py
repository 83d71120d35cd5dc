"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "A beam of 50 places finds translations with a higher log-probability than one of 5, and their BLEU is lower. "
        "What has happened?",
        choices=[
            "the search works, and what is most probable is not what is best",
            "there is a bug in the search: more places cannot be worse",
            "the model needs more training until both agree",
        ],
        answer="the search works, and what is most probable is not what is best",
        why={
            "the search works, and what is most probable is not what is best": "It found what it was asked for. Every "
            "word lowers a probability, so among the most probable sentences there are short ones.",
            "there is a bug in the search: more places cannot be worse": "More places found a *more probable* "
            "sentence, as they should. Who has said that this is the better one?",
            "the model needs more training until both agree": "A sum of logarithms gets lower with every word, however "
            "well a model is trained. What could be divided by?",
        },
    ),
    Question(
        "A beam search with a cache finds good sentences, but the log-probabilities that it reports are not those that "
        "the model gives to these sentences when it is asked anew. Where do you look?",
        choices=[
            "at which row of the cache each hypothesis is continued with",
            "at the length penalty",
            "at the softmax: it runs over the wrong axis",
        ],
        answer="at which row of the cache each hypothesis is continued with",
        why={
            "at which row of the cache each hypothesis is continued with": "Words and memory belong together. If the "
            "rows of the cache stay where they are when hypotheses change places, each is continued with another's "
            "past.",
            "at the length penalty": "It divides at the end. Does it change what the model says of a word?",
            "at the softmax: it runs over the wrong axis": "Then even one place, or one sentence, would be wrong. What "
            "is special about several places with a cache?",
        },
    ),
    Question(
        "Two of a thousand translations have no 4-gram in common with their references. What becomes of the corpus' "
        "BLEU?",
        choices=[
            "those two add nothing above the line, and that is all",
            "it is 0, since a factor is 0",
            "it loses two thousandths",
        ],
        answer="those two add nothing above the line, and that is all",
        why={
            "those two add nothing above the line, and that is all": "Counts are added up over the corpus before "
            "anything is divided. A 4-gram that is missed is one of many thousands.",
            "it is 0, since a factor is 0": "That is true of those two by themselves. What is added up before there "
            "are any factors?",
            "it loses two thousandths": "That would be so for a mean of sentence scores. What does BLEU average?",
        },
    ),
)
