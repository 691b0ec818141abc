"""What hangspy must say on each page of the fixtures: verdict, certainty, rule."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Expected:
    verdicts: tuple
    certainty: str = "none"
    rule: str = ""
    says: str = ""  # in the headline, or in what is missing
    deadline: bool = False
    serves_others: bool = True


def deadlock(rule, certainty="proven", **more):
    return Expected(("deadlock",), certainty, rule, **more)


MOVES = Expected(("healthy", "slow"))
BLOCKED = Expected(("blocked-loop",), "proven", "blocking-call-on-loop", serves_others=False)

DJANGO = {
    "ok": Expected(("healthy",)),
    "slow-query": Expected(("slow",), says="slow_query"),
    "async-wait": MOVES,
    "late-timeout": Expected(("slow",), says="holds up the reply"),
    "stacked": deadlock("stacked-current-thread-executor"),
    "stacked-ok": MOVES,
    "event": deadlock("event-behind-its-setter", "likely"),
    "event-timer": MOVES,
    "bridge": deadlock("thread-sensitive-nesting"),
    "bridge-ok": MOVES,
    "on-loop": deadlock("loop-waits-for-itself", serves_others=False),
    "on-loop-ok": BLOCKED,
    "limit": deadlock("thread-sensitive-exit-on-loop", serves_others=False),
    "limit-ok": BLOCKED,
    "blocked": BLOCKED,
    "blocked-socket": BLOCKED,
}
UVLOOP = {
    "on-loop": Expected(("inconclusive",), says="uvloop", serves_others=False),
}
NESTED = deadlock("thread-sensitive-nesting")
SHAPES = ("create-task", "gather", "shield", "wait-for")


def expected(fixture, page, loop, asgiref, minor):
    if fixture == "django":
        return UVLOOP.get(page, DJANGO[page]) if loop == "uvloop" else DJANGO[page]
    if page not in SHAPES or asgiref != "3.7.2":
        return MOVES
    if page != "wait-for":
        return NESTED
    # wait_for makes a task of its own only before 3.12; then its timeout breaks the cycle.
    return dataclasses.replace(NESTED, deadline=True) if minor == "3.11" else MOVES
