"""FAISS structures: which one a segment gets, how it is trained, and how it is searched inside a filter.

* ``flat``: every vector, exactly.
* ``ivf``: an inverted file (Sivic & Zisserman, 2003): the vectors nearest to the nearest of ~4 √n centroids.
* ``sq8``: the same over 8-bit codes, a quarter of the memory; what it finds is scored again with the exact vectors,
  which stay on disk, memory-mapped.

The rule of ``auto``, by the number of statements in a segment: ``flat`` below :data:`IVF_FROM`, ``ivf`` from there,
``sq8`` from :data:`SQ8_FROM`. A filter that keeps up to :data:`EXACT_UP_TO` statements is always searched exactly.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from jepa_langchain.errors import InputError
from jepa_langchain.index.storage import Kind

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
IVF_FROM, SQ8_FROM = 200_000, 1_000_000
EXACT_UP_TO = 20_000
#: Candidates of 8-bit codes that are scored again, times k.
_REFINE = 2
#: Share of the true 10 neighbours of a sample that ``nprobe`` is chosen to find, and what is then added: the linear
#: maps' predictions need more lists than a sample of stored vectors does (`benchmarks/search.md`: recall at a million).
_TARGET, _MARGIN = 0.99, 2.5
_NO_FAISS = "no FAISS here: pip install 'jepa-langchain[cpu]', or [gpu] on Linux with CUDA 12, never both"


@cache
def load_faiss() -> Any:  # noqa: ANN401
    """The faiss module.

    Raises:
        InputError: if it is not installed, or both packages that bring it are.
    """
    present = [name for name in ("faiss-cpu", "faiss-gpu") if _installed(name)]
    if len(present) > 1:
        raise InputError("both faiss-cpu and faiss-gpu are installed and own one module: uninstall both, then add one")
    try:
        import faiss
    except ImportError:
        raise InputError(_NO_FAISS) from None
    return faiss


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def kind_for(kind: Kind, count: int) -> Literal["flat", "ivf", "sq8"]:
    """What a segment of ``count`` statements is kept as; training needs a few hundred, so fewer are ``flat``."""
    if kind == "auto":
        return "flat" if count < IVF_FROM else "ivf" if count < SQ8_FROM else "sq8"
    return "flat" if count < 4 * _FEWEST_LISTS else kind


_FEWEST_LISTS = 64


@dataclass(frozen=True)
class Selection:
    """The statements of a segment that a filter keeps, and how FAISS is told; any number of searches share one.

    Attributes:
        bits: (n / 8,) a bit a statement, least bit first.
        count: how many are kept.
        total: n.
    """

    bits: npt.NDArray[np.uint8]
    count: int
    total: int

    @classmethod
    def of(cls, mask: npt.NDArray[np.bool_]) -> Selection:
        """(n,) truth values to a selection."""
        return cls(np.packbits(mask, bitorder="little"), int(mask.sum()), len(mask))

    @property
    def positions(self) -> Integers:
        """(count,) ascending."""
        return np.flatnonzero(np.unpackbits(self.bits, count=self.total, bitorder="little"))

    @property
    def few(self) -> bool:
        """Whether reading every kept vector is the way to search."""
        return self.count <= EXACT_UP_TO

    @cached_property
    def selector(self) -> Any:  # noqa: ANN401
        """The same for FAISS: a list makes a flat index read those alone, a bit field makes it pass over all."""
        faiss = load_faiss()
        if self.few or self.count < self.total // 2:
            return faiss.IDSelectorArray(self.positions)
        return faiss.IDSelectorBitmap(self.bits)

    @cached_property
    def parameters(self) -> Any:  # noqa: ANN401
        """Of an exact search inside it."""
        return load_faiss().SearchParameters(sel=self.selector)


def write_flat(path: Path, vectors: Floats) -> None:
    """Write (n, d) unit vectors as an exact index."""
    faiss = load_faiss()
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    faiss.write_index(index, str(path))


def write_inverted(path: Path, vectors: Floats, kind: Literal["ivf", "sq8"], *, seed: int = 0) -> None:
    """Train, fill and write an inverted file over (n, d) unit vectors, its ``nprobe`` chosen on a sample of them."""
    faiss = load_faiss()
    count, dimension = vectors.shape
    lists = max(_FEWEST_LISTS, int(2 ** round(np.log2(4 * np.sqrt(count)))))
    codes = "Flat" if kind == "ivf" else "SQ8"
    index = faiss.index_factory(dimension, f"IVF{lists},{codes}", faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.niter, index.cp.max_points_per_centroid, index.cp.spherical = seed + 1, 10, 64, True
    index.cp.min_points_per_centroid = 1
    rng = np.random.default_rng(seed)
    some = vectors[np.sort(rng.permutation(count)[: 64 * lists])]
    index.train(some)
    index.add(vectors)
    index.nprobe = _choose_nprobe(faiss, index, vectors, rng, wide=10 * (_REFINE if kind == "sq8" else 1))
    faiss.write_index(index, str(path))


def _choose_nprobe(faiss: Any, index: Any, vectors: Floats, rng: np.random.Generator, *, wide: int) -> int:  # noqa: ANN401
    count = len(vectors)
    # Queries are no stored vectors. What moves a prediction away from them lies in the directions that statements
    # differ in, and for that stand other vectors of the same length in all; plain noise finds too few lists enough.
    one, *others = (vectors[rng.permutation(count)[:100]] for _ in range(4))
    queries = one + np.sum(others, axis=0) / np.sqrt(len(others))
    _, truth = faiss.knn(queries, vectors, 10, metric=faiss.METRIC_INNER_PRODUCT)
    nprobe = 1
    while nprobe < index.nlist:
        index.nprobe = nprobe
        # Codes that are scored again need to hold the ten among ``wide``, not to order them.
        _, found = index.search(queries, wide)
        if np.mean([len(set(a) & set(b)) / 10 for a, b in zip(truth, found, strict=True)]) >= _TARGET:
            break
        nprobe *= 2
    return min(round(_MARGIN * nprobe), int(index.nlist))


@dataclass(frozen=True)
class Structure:
    """A segment's vectors, ready to be searched by many threads at once.

    Attributes:
        exact: the flat index of all vectors.
        inverted: the trained structure, None for ``flat``.
        refine: whether what ``inverted`` finds is scored again.
        gpu: the flat index on a GPU, or None.
    """

    exact: Any
    inverted: Any = None
    refine: bool = False
    gpu: Any = None
    _gpu_lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    @classmethod
    def read(cls, vectors: Path, inverted: Path | None, *, kind: str, mapped: bool, gpu: bool | None) -> Structure:
        """Read verified files; flat vectors stay on disk where an inverted file is searched first, or if ``mapped``.

        Raises:
            InputError: if ``gpu`` is asked for and there is none.
        """
        faiss = load_faiss()
        flags = faiss.IO_FLAG_MMAP_IFC if mapped or inverted is not None else 0
        exact = faiss.read_index(str(vectors), flags)
        trained = None
        if inverted is not None:
            trained = faiss.read_index(str(inverted), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
        return cls(exact, trained, refine=kind == "sq8", gpu=_on_gpu(faiss, trained or exact, gpu))

    def __len__(self) -> int:
        return int(self.exact.ntotal)

    @property
    def vectors(self) -> Floats:
        """(n, d), a view; do not write to it."""
        faiss = load_faiss()
        size = int(self.exact.ntotal) * int(self.exact.d)
        view: Floats = faiss.rev_swig_ptr(self.exact.get_xb(), size).reshape(-1, int(self.exact.d))
        return view

    def search(self, queries: Floats, k: int, selection: Selection | None) -> tuple[Floats, Integers]:
        """Cosines and positions, (q, k) each, best first; fewer than k are filled up with position -1."""
        k = min(k, len(self))
        if self.gpu is not None and selection is None:
            scores, found = self._on_gpu(queries, self._wide(k))
        elif self.inverted is None or (selection is not None and selection.few):
            return self._exactly(queries, k, selection)
        else:
            scores, found = self.inverted.search(queries, self._wide(k), params=self._asked(selection))
        there = min(k, len(self) if selection is None else selection.count)
        if (found[:, there - 1] < 0).any():
            # More is asked for than the visited lists hold, or what is kept lies apart from the query.
            return self._exactly(queries, k, selection)
        return self._refined(queries, scores, found, k)

    def _exactly(self, queries: Floats, k: int, selection: Selection | None) -> tuple[Floats, Integers]:
        scores, found = self.exact.search(queries, k, params=None if selection is None else selection.parameters)
        return scores, found

    def _asked(self, selection: Selection | None) -> Any:  # noqa: ANN401
        """How an inverted file is searched: inside a filter as many more lists as hold as many kept statements."""
        faiss, nprobe = load_faiss(), int(self.inverted.nprobe)
        if selection is None:
            return faiss.SearchParametersIVF(nprobe=nprobe)
        nprobe = min(int(self.inverted.nlist), -(-nprobe * selection.total // selection.count))
        return faiss.SearchParametersIVF(sel=faiss.IDSelectorBitmap(selection.bits), nprobe=nprobe)

    def _wide(self, k: int) -> int:
        return min(k * _REFINE, len(self)) if self.refine else k

    def _on_gpu(self, queries: Floats, k: int) -> tuple[Floats, Integers]:
        # One thread at a time: an index on a GPU shares its scratch memory.
        with self._gpu_lock:
            scores, found = self.gpu.search(queries, k)
        return scores, found

    def _refined(self, queries: Floats, scores: Floats, found: Integers, k: int) -> tuple[Floats, Integers]:
        if not self.refine:
            return scores, found
        scores = np.matmul(self.vectors[np.maximum(found, 0)], queries[:, :, None])[:, :, 0]
        scores[found < 0] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows = np.arange(len(queries))[:, None]
        return scores[rows, order], found[rows, order]


def _on_gpu(faiss: Any, index: Any, gpu: bool | None) -> Any:  # noqa: ANN401
    present = int(getattr(faiss, "get_num_gpus", int)()) > 0 and hasattr(faiss, "StandardGpuResources")
    if gpu and not present:
        raise InputError("gpu=True: no GPU that FAISS can use here; install jepa-langchain[gpu] on a machine with one")
    if not present or gpu is False:
        return None
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
