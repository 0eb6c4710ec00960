"""How sure a number of steps without violation makes: the one-sided Clopper-Pearson lower bound.

Rounded down to six decimals, from decimal arithmetic of 40 digits: the same text on every machine, and never
more than holds.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal, localcontext

DECIMALS = 6
UNIT = 10**DECIMALS
LEVEL = Decimal("0.05")
"""One minus the confidence."""
EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX)


def lower_bound(violations: int, trials: int, candidates: int = 1) -> str:
    """With 95 % confidence at least this share of trials holds: BetaInv(0.05; n - k, k + 1), "0.988365".

    Of several candidates that may be tried, all bounds hold at once with that confidence (Bonferroni).
    """
    assert 0 <= violations <= trials and trials > 0 and candidates > 0
    with localcontext(EXACT):
        found = _bisected(violations, trials, LEVEL / candidates)
    return f"{found // UNIT}.{found % UNIT:0{DECIMALS}d}"


def shown(share: str, violations: int, trials: int, candidates: int = 1) -> bool:
    """Whether the lower bound, before it is rounded, is at least `share`, a decimal number below 1."""
    with localcontext(EXACT):
        return not _likely(violations, trials, Decimal(share), LEVEL / candidates)


def _bisected(violations: int, trials: int, level: Decimal) -> int:
    """The highest p in millionths for which so few violations are at most as likely as `level`."""
    low, high = 0, UNIT
    while high - low > 1:
        middle = (low + high) // 2
        if _likely(violations, trials, Decimal(middle) / UNIT, level):
            high = middle
        else:
            low = middle
    return low


def _likely(violations: int, trials: int, p: Decimal, level: Decimal) -> bool:
    """Whether at most k of n violate with more than `level` when each holds with p: I_p(n - k, k + 1) > level.

    The regularised incomplete beta function of these integers is a sum of k + 1 binomial terms.
    """
    term = p**trials
    odds = (1 - p) / p
    reached = term
    for j in range(violations):
        if reached > level:
            return True
        term = term * odds * (trials - j) / (j + 1)
        reached += term
    return reached > level
