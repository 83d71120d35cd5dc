"""`python -m course.data.grammar` makes the embedded corpus again and records its texts in the manifest."""

from course.data.embedded import write_manifest

if __name__ == "__main__":
    print(write_manifest())
