"""One-sided Clopper-Pearson lower bound of a share of successes.

Bounds are rounded down to six decimals, from decimal arithmetic of 40 digits. So every machine
prints the same text, and the bound is never too high.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal, localcontext

DECIMALS = 6
UNIT = 10**DECIMALS
LEVEL = Decimal("0.05")
"""One minus the confidence."""
EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX)


def lower_bound(violations: int, trials: int, candidates: int = 1) -> str:
    """Return the share of successes that 95 % confidence shows, such as "0.988365".

    That is BetaInv(0.05; n - k, k + 1). With several candidates all bounds are valid at once with
    that confidence (Bonferroni).
    """
    assert 0 <= violations <= trials and trials > 0 and candidates > 0
    with localcontext(EXACT):
        millionths = _bisect(violations, trials, LEVEL / candidates)
    return f"{millionths // UNIT}.{millionths % UNIT:0{DECIMALS}d}"


def is_shown(share: str, violations: int, trials: int, candidates: int = 1) -> bool:
    """Return whether the unrounded lower bound is at least `share`, a decimal number below 1."""
    with localcontext(EXACT):
        return not _exceeds_level(violations, trials, Decimal(share), LEVEL / candidates)


def _bisect(violations: int, trials: int, level: Decimal) -> int:
    """Return the highest p in millionths for which at most k violations have probability <=
    level.
    """
    low, high = 0, UNIT
    while high - low > 1:
        middle = (low + high) // 2
        if _exceeds_level(violations, trials, Decimal(middle) / UNIT, level):
            high = middle
        else:
            low = middle
    return low


def _exceeds_level(violations: int, trials: int, p: Decimal, level: Decimal) -> bool:
    """Return whether I_p(n - k, k + 1) > level: at most k of n violations at success rate p.

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
