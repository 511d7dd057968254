"""Text to vectors: sentence embeddings (target side), pooled states of several depths (context side), token states.

The target encoder is frozen, so that nothing can collapse: s_y is the model's own sentence embedding. The
context side sees more of the same pass: the mean-pooled states of ``context_layers`` beside the embedding,
because polarity fades from the upper layers while topic stays. Source of the design: I-JEPA (Assran et al., 2023),
where context and target encoders also differ.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from jepa_langchain.console import progress_bar
from jepa_langchain.devices import chosen_device
from jepa_langchain.errors import ModelError
from jepa_langchain.weights import DEFAULT_ENCODER, is_default, resolve_encoder, weights_sha256, why_not_loaded

if TYPE_CHECKING:
    import torch
    from langchain_core.embeddings import Embeddings
    from torch import nn

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EncoderIdentity:
    """What a model directory remembers of its encoder and checks when it is loaded."""

    name: str
    sha256: str
    dimension: int
    context_layers: tuple[int, ...]
    cut_layer: int | None
    #: For an encoder without a weights file: the first coordinates of a fixed text's embedding.
    probe: tuple[float, ...] = ()

    @property
    def context(self) -> int:
        """c, the width of the context states."""
        return self.dimension * (len(self.context_layers) + 1)


@dataclass(frozen=True)
class Encoded:
    """n encoded texts, in the order they were given.

    Attributes:
        embeddings: (n, d) sentence embeddings of unit length: the target side.
        context: (n, c) context states: per context layer a pooled state of unit length, then the embedding.
        tokens: n arrays (t_i, d), token states after the cut layer; None if the encoder has no layers.
        truncated: indices of the texts that were longer than the encoder reads.
    """

    embeddings: Floats
    context: Floats
    tokens: list[Floats] | None
    truncated: tuple[int, ...]


@dataclass(frozen=True)
class TokenContext:
    """One text's token-level context states, for the exact mapping of weights to words.

    Attributes:
        text: the text.
        layers: (len(context_layers) + 1, t, d) states of the t real tokens; the last is the output layer.
        offsets: t character ranges [start, end) in the text; (0, 0) for special tokens.
        embedding: (d,) the sentence embedding of the same pass.
    """

    text: str
    layers: Floats
    offsets: list[tuple[int, int]]
    embedding: Floats


@dataclass(frozen=True)
class UpperLayers:
    """What a pair stage starts from: the transformer's blocks above the cut layer, and how they are shaped."""

    blocks: Sequence[nn.Module]
    heads: int
    norm_eps: float
    device: torch.device


class Encoder(Protocol):
    """What the predictor needs of an encoder."""

    identity: EncoderIdentity

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> Encoded:
        """Encode texts; equal texts give equal rows, whatever else is in the call's list of distinct texts."""
        ...

    def token_context(self, text: str) -> TokenContext | None:
        """Token-level context states of one text; None if the encoder has none."""
        ...


class TransformerEncoder:
    """Any sentence-transformers model; all depths of a transformer come from one pass.

    Args:
        name: a hub name or a folder. The default is found offline through the ``offline`` extra.
        device: a torch device; CUDA when there is one, else the CPU.
        batch_size: texts a batch. Batches are sorted by length, so padding stays small.

    Raises:
        ModelError: if the model cannot be found or loaded, or there is no such device.
    """

    def __init__(self, name: str = DEFAULT_ENCODER, *, device: str | None = None, batch_size: int = 64) -> None:
        self.source = resolve_encoder(name)
        place = chosen_device(device)
        from sentence_transformers import SentenceTransformer

        try:
            self.model = SentenceTransformer(self.source, device=place)
        except Exception as error:  # a damaged folder breaks anywhere in the libraries that read it
            raise ModelError(why_not_loaded(name, self.source, error)) from error
        self.model.eval()
        self.batch_size = batch_size
        self._lock = threading.Lock()
        config = getattr(getattr(self.model[0], "auto_model", None), "config", None)
        depth = int(getattr(config, "num_hidden_layers", 0) or 0)
        if config is not None:
            config.output_hidden_states = True
        self.identity = EncoderIdentity(
            name=DEFAULT_ENCODER if is_default(name) else self.source,
            sha256=weights_sha256(self.source),
            dimension=int(self.model.get_embedding_dimension() or 0),
            context_layers=(0, depth // 3, 2 * depth // 3) if depth >= 3 else (),  # noqa: PLR2004
            cut_layer=depth // 2 if depth >= 2 else None,  # noqa: PLR2004
        )

    @property
    def longest(self) -> int | None:
        """Tokens that are read of a text; a text of as many counts as truncated."""
        limit: int | None = self.model.max_seq_length
        return limit

    def upper_layers(self) -> UpperLayers | None:
        """The blocks above the cut layer; None if the model keeps no list of blocks where BERT-like models do."""
        auto: Any = getattr(self.model[0], "auto_model", None)
        blocks = getattr(getattr(auto, "encoder", None), "layer", None)
        heads = getattr(getattr(auto, "config", None), "num_attention_heads", None)
        if blocks is None or heads is None or self.identity.cut_layer is None:
            return None
        norm_eps = float(getattr(auto.config, "layer_norm_eps", 1e-12))
        return UpperLayers(list(blocks)[self.identity.cut_layer :], int(heads), norm_eps, self.model.device)

    def _forward(self, texts: list[str]) -> dict[str, Any]:
        import torch

        # One thread at a time: a fast tokenizer's padding state is shared, and chains call from several threads.
        with self._lock, torch.inference_mode():
            features = self.model.preprocess(texts)
            moved = {k: v.to(self.model.device) if isinstance(v, torch.Tensor) else v for k, v in features.items()}
            return dict(self.model(moved))

    def batches(self, texts: Sequence[str], *, progress: bool) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Forward passes over ``texts`` sorted by length: (indices of the batch, features after the pass)."""
        # The text itself breaks ties, so that the batches depend on the set of texts alone, not on its order.
        order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), texts[i]))
        starts = range(0, len(order), self.batch_size)
        for start in progress_bar(starts, "encoding", show=progress):
            chosen = order[start : start + self.batch_size]
            yield chosen, self._forward([texts[i] for i in chosen])

    def pooled(self, features: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Sentence embeddings (b, d) and context states (b, c) of one batch, all of unit length a part."""
        import torch
        from torch.nn.functional import normalize

        embeddings = normalize(features["sentence_embedding"].float(), dim=1)
        parts = []
        for layer in self.identity.context_layers:
            states = features["all_layer_embeddings"][layer].float()
            mask = features["attention_mask"].unsqueeze(-1).float()
            parts.append(normalize((states * mask).sum(1) / mask.sum(1), dim=1))
        return embeddings, torch.cat([*parts, embeddings], dim=1)

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> Encoded:
        """Encode texts in one pass each; see :class:`Encoded` for shapes. Equal texts are encoded once."""
        distinct = sorted(set(texts))
        width = self.identity.dimension
        embeddings = np.zeros((len(distinct), width), dtype=np.float32)
        context = np.zeros((len(distinct), self.identity.context), dtype=np.float32)
        tokens: list[Floats] = [np.zeros((0, width), dtype=np.float32)] * len(distinct)
        cut, limit = self.identity.cut_layer, self.longest
        truncated = set()
        for chosen, features in self.batches(distinct, progress=progress):
            pooled, states = self.pooled(features)
            embeddings[chosen], context[chosen] = pooled.cpu().numpy(), states.cpu().numpy()
            if cut is None:
                continue
            middle = features["all_layer_embeddings"][cut].float().cpu().numpy()
            real = features["attention_mask"].bool().cpu().numpy()
            for row, i in enumerate(chosen):
                tokens[i] = middle[row, real[row]]
                if limit and len(tokens[i]) >= limit:
                    truncated.add(distinct[i])
        where = {text: i for i, text in enumerate(distinct)}
        rows = [where[text] for text in texts]
        return Encoded(
            embeddings=embeddings[rows],
            context=context[rows],
            tokens=[tokens[i] for i in rows] if cut is not None else None,
            truncated=tuple(i for i, text in enumerate(texts) if text in truncated),
        )

    def token_context(self, text: str) -> TokenContext | None:
        """Token states of one text at every context depth, with each token's place in the text."""
        if not self.identity.context_layers:
            return None
        features = self._forward([text])
        states = features["all_layer_embeddings"]
        chosen = [states[layer][0].float().cpu().numpy() for layer in self.identity.context_layers]
        chosen.append(features["token_embeddings"][0].float().cpu().numpy())
        with self._lock:
            offsets = self.model.tokenizer(
                text, truncation=True, max_length=self.model.max_seq_length, return_offsets_mapping=True
            )["offset_mapping"]
        embedding = self.pooled(features)[0][0].cpu().numpy()
        return TokenContext(text, np.stack(chosen), [(int(s), int(e)) for s, e in offsets], embedding)


class EmbeddingsEncoder:
    """Any LangChain ``Embeddings`` as the encoder: one embedding a text, no token states, no pair stage.

    Args:
        embeddings: the LangChain object; its ``embed_documents`` is called with distinct texts.
        name: how a model directory should remember it (a LangChain object has no hash of its weights).

    Raises:
        ModelError: here and when it encodes, if the object does not give each text a finite vector of one width.
    """

    def __init__(self, embeddings: Embeddings, *, name: str | None = None) -> None:
        self.embeddings = embeddings
        self._width: int | None = None
        probe = self._unit([PROBE])
        self._width = probe.shape[1]
        self.identity = EncoderIdentity(
            name=f"langchain:{name or type(embeddings).__name__}",
            sha256="",
            dimension=probe.shape[1],
            context_layers=(),
            cut_layer=None,
            probe=tuple(round(float(x), 4) for x in probe[0, :_PROBED]),
        )

    def _unit(self, texts: Sequence[str]) -> Floats:
        if not texts:
            return np.zeros((0, self._width or 0), dtype=np.float32)
        given = self.embeddings.embed_documents(list(texts))
        try:
            vectors = np.asarray(given, dtype=np.float32).reshape(len(texts), self._width or -1)
        except (TypeError, ValueError):
            vectors = np.full((1, 1), np.nan, dtype=np.float32)
        # A service that leaves a text out, or answers NaN, would else give verdicts of nothing.
        if not np.isfinite(vectors).all():
            raise ModelError(f"{type(self.embeddings).__name__}: not one finite vector of one width for each text")
        unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> Encoded:  # noqa: ARG002
        """Encode texts through the LangChain object; ``context`` is the embedding itself."""
        distinct = sorted(set(texts))
        vectors = self._unit(distinct)
        where = {text: i for i, text in enumerate(distinct)}
        rows = vectors[[where[text] for text in texts]]
        return Encoded(embeddings=rows, context=rows, tokens=None, truncated=())

    def token_context(self, text: str) -> TokenContext | None:  # noqa: ARG002
        """An ``Embeddings`` object shows no tokens."""
        return None


_PROBED = 16
#: A fixed text whose embedding identifies a LangChain encoder.
PROBE = "Two agents compare what they hold to be true."
