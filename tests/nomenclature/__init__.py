"""The tables judged by the official files that stand beside the project."""
