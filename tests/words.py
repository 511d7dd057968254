"""A small encoder without weights, for tests: every word has fixed states, "not" has a direction of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.baselines import Baselines
from jepa_langchain.encoder import Encoded, EncoderIdentity, Floats, TokenContext
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.predictor import LinearPredictor, identity_map
from jepa_langchain.schema import Persona, Statement
from jepa_langchain.stages import Stages

DIMENSION = 16
_WORD = re.compile(r"\w+")


def word_state(word: str, depth: int) -> npt.NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256(f"{depth} {word}".encode()).digest()[:4], "big")
    state = np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
    # The first direction is polarity: any word asserts a little, "not" denies more than a short text asserts.
    state[0] = -9.0 if word == "not" else 2.0
    return state


class WordEncoder:
    """Mean-pooled word states of two depths; the deeper one is the embedding."""

    def __init__(self, name: str = "test:words") -> None:
        self.identity = EncoderIdentity(name, hashlib.sha256(name.encode()).hexdigest(), DIMENSION, (0,), 1)
        self.calls: list[str] = []

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> Encoded:
        self.calls += texts
        embeddings, context, tokens = [], [], []
        for text in texts:
            layers = self._layers(text)
            means = [layer.mean(0) / np.linalg.norm(layer.mean(0)) for layer in layers]
            embeddings.append(means[1])
            context.append(np.concatenate(means))
            tokens.append(layers[1])
        return Encoded(np.array(embeddings), np.array(context), tokens, ())

    def _layers(self, text: str) -> list[Floats]:
        words = _WORD.findall(text.lower()) or ["?"]
        return [np.array([word_state(word, depth) for word in words]) for depth in (0, 1)]

    def token_context(self, text: str) -> TokenContext | None:
        layers = np.stack(self._layers(text))
        return TokenContext(text, layers, [m.span() for m in _WORD.finditer(text)], self.encode([text]).embeddings[0])


def persona(name: str, *texts: str) -> Persona:
    """Who said these texts; their ids are the name with 1, 2, …"""
    return Persona(id=name, statements=tuple(Statement(id=f"{name}{i}", text=t) for i, t in enumerate(texts, start=1)))


def small_model() -> AlignmentModel:
    """Word embeddings and maps that predict the statement itself."""
    maps = torch.from_numpy(np.stack([identity_map(DIMENSION, 2 * DIMENSION)] * 2))
    stages = Stages(WordEncoder(), LinearPredictor(maps), None, {})
    return AlignmentModel(ModelFiles(stages, Baselines(), "words"))
