"""What a language model's answers cost, by the prices that its user gives: none are known here."""

from __future__ import annotations

from pydantic import Field

from jepa_langchain.schema import Frozen, Usage


class Prices(Frozen):
    """Prices of a language model, in any one currency, a million tokens each.

    Example:
        >>> Prices(input_per_million=2.0, output_per_million=8.0).of(Usage(calls=1, tokens_in=500, tokens_out=250)).cost
        0.003
    """

    input_per_million: float = Field(ge=0.0, allow_inf_nan=False)
    output_per_million: float = Field(ge=0.0, allow_inf_nan=False)

    def of(self, usage: Usage) -> Usage:
        """The same usage with its cost; None if tokens were spent that the provider did not count."""
        if usage.calls and not usage.tokens_in:
            return usage
        cost = (usage.tokens_in * self.input_per_million + usage.tokens_out * self.output_per_million) / 1e6
        return usage.model_copy(update={"cost": round(cost, 8)})


def priced(usage: Usage, prices: Prices | None) -> Usage:
    """A usage with its cost, where prices are given."""
    return usage if prices is None else prices.of(usage)
