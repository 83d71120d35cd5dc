"""The colors of the course, fixed from the first page to the last.

They come from the color-blind-safe palette of Okabe and Ito (2008). Whoever asks is blue, whoever is asked is orange,
values are green and weights purple: in pictures, in tables and in the text.
"""

QUERY, KEY, KEY_TEXT, VALUE, WEIGHTS = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7"
INK, GRAY, PALE = "#222222", "#767676", "#D9D9D9"
