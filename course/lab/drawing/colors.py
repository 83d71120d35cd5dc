"""The colors of the course, fixed from the first page to the last.

They come from the color-blind-safe palette of Okabe and Ito (2008). Whoever asks is blue, whoever is asked is orange,
values are green and weights purple: in pictures, in tables and in the text.

Words in a color stand on white, the ground of every drawn picture, and are darker where the pure color would be too
pale there (contrast below 4.5 to 1). No color reaches 4.5 to 1 on white and on a dark page at once, so what takes the
page's own ground has words in the page's own ink on a tint of the color (`course.lab.drawing.tables`).
"""

QUERY, KEY, VALUE, WEIGHTS = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
KEY_TEXT, VALUE_TEXT, WEIGHTS_TEXT = "#B35000", "#007A59", "#A53C87"  # for words; QUERY is dark enough as it is
INK, GRAY, PALE = "#222222", "#6B6B6B", "#D9D9D9"
