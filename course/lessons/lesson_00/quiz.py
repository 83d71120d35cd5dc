"""The questions at the end of this lesson."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "A model with 4 heads translates 5 sentences at once. The longest English one has 12 pieces, the longest "
        "German one 10. German asks English. Which shape do the weights have?",
        choices=["(5, 4, 10, 12)", "(5, 4, 12, 10)", "(4, 5, 10, 12)"],
        answer="(5, 4, 10, 12)",
        why={
            "(5, 4, 10, 12)": "B, H, Tq, Tk: the German pieces ask, the English ones are asked.",
            "(5, 4, 12, 10)": "B and H are right. Who asks here, and does the one who asks stand in the rows or in the "
            "columns?",
            "(4, 5, 10, 12)": "Tq and Tk are right. Which axis always comes first?",
        },
    ),
    Question(
        "You leave all exercises of this lesson blank and run the whole notebook. What happens?",
        choices=[
            "it stops at the first blank exercise",
            "it runs to the end, with finished functions in place of yours",
            "it runs to the end, and the cells after an exercise print nothing",
        ],
        answer="it runs to the end, with finished functions in place of yours",
        why={
            "it runs to the end, with finished functions in place of yours": "`check` says “not attempted yet” and "
            "hands on a finished function.",
            "it stops at the first blank exercise": "That would be an ordinary notebook. What does `check` return when "
            "nothing has been written?",
            "it runs to the end, and the cells after an exercise print nothing": "They need a function, and they get "
            "one. From where?",
        },
    ),
)
