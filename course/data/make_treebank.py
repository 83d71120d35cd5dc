"""`python -m course.data.make_treebank` draws the meanings of the embedded corpus again, and writes what is kept."""

from course.data.embedded import make_anew, split_sizes

if __name__ == "__main__":
    make_anew()
    print(", ".join(f"{split} {size:,}" for split, size in split_sizes().items()))
