"""The predictor's word on a paraphrase: the verifier's second signal."""

from __future__ import annotations

from collections.abc import Sequence

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.chains.claims import Polarity


def predictor_polarity(model: AlignmentModel) -> Polarity:
    """The log-odds of agreement against disagreement of text pairs, by a model's own energies.

    For an uncalibrated model these are margins, which are smaller: it consents to less.
    """

    def polarity_of(pairs: Sequence[tuple[str, str]]) -> list[float]:
        import numpy as np

        from jepa_langchain.scoring import score_pairs
        from jepa_langchain.stages import polarity

        texts = [text for pair in pairs for text in pair]
        places = np.arange(len(texts), dtype=np.int64).reshape(-1, 2)
        values: list[float] = polarity(score_pairs(model.stages, texts, places)).tolist()
        return values

    return polarity_of
