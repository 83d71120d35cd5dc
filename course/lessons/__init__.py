"""What belongs to one lesson, a room each: exercises, mistakes, references, figures, experiments with their logs."""
