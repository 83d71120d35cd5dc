"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "You go from 8 heads to 16 and leave d_model as it is. What happens to the number of parameters of the layer?",
        choices=["it doubles", "it stays the same", "it becomes half as large"],
        answer="it stays the same",
        why={
            "it doubles": "There are twice as many heads. And how wide is each of them now?",
            "it stays the same": "The four matrices are (d_model, d_model) whatever h is. Only where the width is cut "
            "changes. What does double is the number of weights, since every head has a map of its own.",
            "it becomes half as large": "Each head is half as wide. And how many of them are there now?",
        },
    ),
    Question(
        "merge_heads(split_heads(x, h)) is x again, for every x and h that somebody tried. What is known of the two "
        "functions?",
        choices=[
            "that both are right",
            "that each undoes what the other did, and nothing else",
            "that words do not meet in them",
        ],
        answer="that each undoes what the other did, and nothing else",
        why={
            "that both are right": "A single reshape there and a single reshape back pass this test too. Which words "
            "would a head hold then?",
            "that words do not meet in them": "Reshape there and back again: is the round trip whole? And are there "
            "numbers of one word only in a row of a head?",
        },
    ),
    Question(
        "All heads of a layer are trained together, on the same right answers. What makes them look at different "
        "words?",
        choices=[
            "each begins with other random numbers, and training goes on from there",
            "training rewards heads that differ",
            "each head sees other columns of the words",
        ],
        answer="each begins with other random numbers, and training goes on from there",
        why={
            "each begins with other random numbers, and training goes on from there": "Two heads that began with equal "
            "matrices would be moved equally, and stay equal. Nothing else tells them apart, and so some trained heads "
            "do nearly the same.",
            "training rewards heads that differ": "Training looks at the answers of the whole layer. What in them "
            "would know which head has found what?",
            "each head sees other columns of the words": "W_Q, W_K and W_V come before the split. From how many of a "
            "word's numbers is one column of x @ W_Q made?",
        },
    ),
)
