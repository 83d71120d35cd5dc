"""How a lesson is made: one text file becomes a solved and a blank notebook, both executed.

Lessons never import this package. ``README.md`` beside this file says what an author does.
"""
