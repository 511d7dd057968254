"""The next state of an index while it is made: what stays, what is written anew, and their manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jepa_langchain.index.batches import Batch, join
from jepa_langchain.index.segment_files import write_dead, write_segment
from jepa_langchain.index.segments import Segment
from jepa_langchain.index.storage import Manifest, SegmentEntry, remove_unnamed, write_manifest

#: Share of deleted statements from which a segment is written anew.
COMPACT_FROM = 0.25


class Change:
    """The next state while it is made: open segments that stay, and batches that become new ones."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest, self.next = folder, manifest, manifest.next_number
        self.parts: list[Segment | Batch] = []
        self.changed = False
        remove_unnamed(folder, manifest)

    def _number(self) -> int:
        self.next += 1
        return self.next - 1

    def keep(self, segment: Segment, gone: Sequence[int]) -> None:
        """Take over a segment without the positions ``gone`` (ascending)."""
        if not gone:
            self.parts.append(segment)
            return
        self.changed = True
        dead = np.union1d(segment.dead, np.array(gone, dtype=np.int64))
        if len(dead) < COMPACT_FROM * segment.entry.count:
            self.parts.append(segment.with_dead(write_dead(self.folder, self._number(), segment.entry, dead), dead))
        elif len(dead) < segment.entry.count:
            self.parts.append(segment.batch(np.setdiff1d(segment.alive(), dead, assume_unique=True)))

    def add(self, batch: Batch) -> None:
        """Append a batch, and join it with the segments before it that are less than twice as large."""
        self.changed = True
        parts, size = [batch], len(batch.rows)
        while self.parts and _size(self.parts[-1]) < 2 * size:
            last = self.parts.pop()
            size += _size(last)
            parts.insert(0, last if isinstance(last, Batch) else last.batch(last.alive()))
        self.parts.append(join(parts) if len(parts) > 1 else batch)

    def finish(self) -> tuple[Manifest, list[tuple[SegmentEntry, Segment | None]]]:
        """Write the batches; the manifest to commit, and its entries with the segments that are open already."""
        segments: list[tuple[SegmentEntry, Segment | None]] = []
        for part in self.parts:
            if isinstance(part, Batch):
                segments.append((write_segment(self.folder, self._number(), part, kind=self.manifest.kind), None))
            else:
                segments.append((part.entry, part))
        update = {
            "generation": self.manifest.generation + 1,
            "count": sum(entry.count - entry.dead for entry, _ in segments),
            "next_number": self.next,
            "segments": tuple(entry for entry, _ in segments),
        }
        return self.manifest.model_copy(update=update), segments


def replace_all(folder: Path, manifest: Manifest, batch: Batch | None) -> None:
    """Commit ``batch`` as all that an index holds, under a lock that the caller has; old files need not be readable."""
    change = Change(folder, manifest)
    if batch is not None:
        change.add(batch)
    after, _ = change.finish()
    write_manifest(folder, after)
    remove_unnamed(folder, after)


def _size(part: Segment | Batch) -> int:
    return len(part.rows) if isinstance(part, Batch) else part.live
