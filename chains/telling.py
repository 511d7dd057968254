"""A narrative in the making: sentences of a language model as they are verified, the template for every other row."""

from __future__ import annotations

from collections.abc import Iterable

from jepa_langchain.chains.drafts import DraftSentence
from jepa_langchain.chains.signals import Judge
from jepa_langchain.chains.verifier import Verifier
from jepa_langchain.narrative import assemble, template_sentence
from jepa_langchain.schema import AlignmentReport, LedgerRow, Narrative, NarrativeSentence, RejectedSentence, Usage
from jepa_langchain.wordings import wordings

_KEPT_REJECTIONS, _KEPT_CHARACTERS = 100, 500


class Telling:
    """Collects verified sentences of one report and writes its narrative.

    Args:
        report: what was found; nothing of it changes.
        judge: the predictor's measures of a paraphrase; see :mod:`jepa_langchain.chains.signals`.
        most: rows of each area that are told, the strongest first; all when None.
        language: a key of :data:`jepa_langchain.wordings.LANGUAGES`.
    """

    def __init__(
        self, report: AlignmentReport, judge: Judge | None, most: int | None = None, language: str = "en"
    ) -> None:
        self._language = language
        self.names = (report.personas[0].id, report.personas[1].id)
        self.rows: tuple[LedgerRow, ...] = (*report.agreements[:most], *report.disagreements[:most])
        self.left_out = len(report.agreements) + len(report.disagreements) - len(self.rows)
        self._shared = {(pair.a.id, pair.b.id) for pair in report.mixed}
        self._verifier = Verifier(self.names, self.rows, judge, language=language)
        self._told: dict[str, NarrativeSentence] = {}
        self._reasons: dict[str, str] = {}
        self._rejected: list[RejectedSentence] = []
        self._count = 0

    def hear(self, sentences: Iterable[DraftSentence]) -> int:
        """Verify sentences; how many of them passed. The first that passes tells its row, a later one is not needed."""
        passed = 0
        for sentence in sentences:
            verdict = self._verifier.check(sentence.item())
            if verdict.row is None:
                self._reject(sentence, verdict.reason)
            elif verdict.row.id not in self._told:
                plain = self._template(verdict.row)
                title = sentence.title.strip() if verdict.title and sentence.title.strip() else plain.title
                text = " ".join(sentence.text.split())
                self._told[verdict.row.id] = plain.model_copy(update={"title": title, "text": text, "source": "llm"})
                passed += 1
        return passed

    def _reject(self, sentence: DraftSentence, reason: str) -> None:
        self._count += 1
        for row_id in sentence.rows:
            self._reasons.setdefault(row_id, reason)
        if len(self._rejected) < _KEPT_REJECTIONS:
            rows = tuple(row_id[:_KEPT_CHARACTERS] for row_id in sentence.rows[:_KEPT_REJECTIONS])
            self._rejected.append(RejectedSentence(text=sentence.text[:_KEPT_CHARACTERS], rows=rows, reason=reason))

    def _template(self, row: LedgerRow) -> NarrativeSentence:
        shared = (row.a.id, row.b.id) in self._shared
        return template_sentence(row, self.names, shared=shared, language=self._language)

    def narrative(self, *, usage: Usage | None = None, note: str = "", complete: bool = True) -> Narrative:
        """What is told so far; a complete narrative tells every row, by the template where nothing passed."""
        told = []
        for row in self.rows:
            sentence = self._told.get(row.id)
            if sentence is None and complete:
                reason = self._reasons.get(row.id, "")
                status = "rejected" if reason else "verified"
                sentence = self._template(row).model_copy(update={"status": status, "reason": reason})
            if sentence is not None:
                told.append(sentence)
        further = self.left_out and complete
        more = f"\n\n{wordings(self._language).left_out(self.left_out)}" if further else ""
        return Narrative(
            text=assemble(told, self._language) + more,
            source="llm" if self._told else "template",
            sentences=tuple(told),
            rejected=self._count,
            rejections=tuple(self._rejected),
            usage=usage or Usage(),
            note=note,
        )
