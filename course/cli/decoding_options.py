"""How translations are searched for: the options that `evaluate` and `translate` share."""

from course.cli.options import Parser, reader


def add_decoding_options(parser: Parser) -> None:
    """Which weights of a run, beam, length penalty, batch size and threads."""
    parser.add_argument(
        "--checkpoint", choices=["best", "last"], default="best",
        help="the best weights of a run, or its last state, scored or not (best)",
    )  # fmt: skip
    parser.add_argument(
        "--beam", type=reader(int, minimum=1), default=5, metavar="N", help="beam width; 1 is greedy (5)"
    )
    parser.add_argument(
        "--length-penalty",
        type=reader(float, minimum=0),
        default=1.0,
        metavar="A",
        help="alpha of Wu et al. 2016; larger: longer translations (1)",
    )
    parser.add_argument(
        "--batch-size", type=reader(int, minimum=1), default=64, metavar="N", help="sentences at once (64)"
    )
    parser.add_argument("--threads", type=reader(int, minimum=1), metavar="N", help="CPU threads to use")
