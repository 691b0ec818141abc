"""What stands in a table's cells."""
import statistics


def spread(values, digits=2):
    if not values:
        return "-"
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low:.{digits}f} / **{middle:.{digits}f}** / {high:.{digits}f}"


def times(value, base):
    return f"{value / base:.1f}" if value is not None and base else "-"


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])
