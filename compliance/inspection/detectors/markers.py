"""Inside information and privileged communication, by the phrases that mark them and by words that meet.

Phrases and contexts, never single words: "confidential" or "merger" alone says nothing. They are looked for in the
text's wordings, so that punctuation and markup between their words hide none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from compliance.inspection.detectors.context import before
from compliance.inspection.detectors.counsel_passages import SPOKEN_OF, find_counsel_passages
from compliance.inspection.detectors.held_back import HELD, OTHER_MATTER, find_held_back
from compliance.inspection.detectors.inside_passages import find_inside_passages
from compliance.inspection.detectors.sentences import find_sentence
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern, any_of, any_pattern
from compliance.inspection.registry import Span
from compliance.inspection.wording import compile_phrase

_DEAL = (
    r"\b(?:merger|merge with|acquisitions?|acquir(?:e|es|ing)|take-?over|tender offer|buy-?out|divestitures?"
    r"|spin-?off|"
    r"stock split|share (?:buyback|repurchase)|dividend|restatement|joint venture|"
    r"going private|business combination|definitive agreement|letter of intent)\b"
)
_RESULTS = (
    r"\b(?:earnings|EPS|revenues?|net income|operating income|EBITDA|gross margin|guidance|"
    r"quarterly (?:results|figures)|"
    r"(?:Q[1-4]|first|second|third|fourth|full)[- ](?:quarter|year)?[ -]?(?:results|figures|numbers|sales)|"
    r"financial results|forecast|profit warning|write-?down|impairment)\b"
)
_EMBARGO = (
    r"\b(?:not (?:yet )?(?:been )?(?:publicly )?(?:announced|disclosed|public|released|published)"
    r"|(?:has|have|is|are|will be|was|were)(?:n't| not) (?:yet )?(?:been )?(?:publicly )?"
    r"(?:announced|disclosed|made public|public|released|published|known to the market)"
    r"|not for (?:public )?(?:release|distribution|disclosure|publication)"
    r"|(?:still|kept|remains?) (?:secret|confidential|under wraps)"
    r"|to be (?:publicly )?(?:announced|disclosed|released|published|made public)"
    r"|unannounced|unreleased|unpublished|undisclosed|non[ -]?public|pre-?announcement|pre-?release"
    r"|(?:before|ahead of|prior to|in advance of|until) (?:(?:the|our|its|their|any|formal|official|next|public"
    r"|upcoming|planned|press) ){0,3}(?:earnings|announcement|disclosure|press release|release|publication|filing"
    r"|10-[KQ]|8-K)"
    r"|(?:under|strict|news|information) embargo|embargoed until|quiet period|blackout period"
    r"|do not (?:trade|disclose|share|distribute|forward)"
    r"|not (?:to be )?(?:shared|disclosed|distributed) (?:outside|until|externally|before)"
    r"|insiders? only|internal (?:use )?only|strictly confidential|keep (?:this )?confidential)\b"
)
_FIGURE = (
    r"(?:\$|USD|EUR|GBP) ?[0-9][0-9,.]*(?: ?(?:thousand|million|billion|trillion|[kmb]n?\b))?|\b[0-9][0-9,.]* ?%"
    r"|\b[0-9][0-9,.]* ?(?:percent|basis points|bps|cents per share|million|billion)\b"
)


class InsideInformationDetector:
    """Material non-public information: the words for it, unannounced deals, and results before their release.

    A deal or a result counts when words that hold it back stand near it in the same paragraph; a result also
    needs a figure, and where only the word "confidential" holds it back, the same sentence.
    """

    name = "inside_information"
    types = frozenset({"inside_information", "unannounced_deal", "unreleased_results"})

    # "No employee may trade on ..." and "contains no ..." speak of the rule, not of a secret.
    _spoken_of = compile_phrase(
        r"\b(?:(?:trad(?:e|ing)|act(?:ing)?|deal(?:ing)?) (?:on|in|upon|while in possession of|while aware of)"
        r"|(?:contain(?:s|ing)?|includ(?:es|ing)|discloses?|holds?|possess(?:es)?) no"
        r"|not (?:contain|include|disclose|constitute|hold|possess)|free of|definition of)(?: any)? ?$|\bno ?$"
    )
    _phrases = (
        (
            "inside_information",
            compile_phrase(
                r"\bmaterial[ ,:;/&'-]*(?:and )?non[ -]*public(?:[ ,:;/'-]+information)?\b|\b(?:contains?|constitutes?"
                r"|is|possess(?:es|ing)?) (?:MNPI|inside information)\b|\bMNPI ?(?:[:!]|- ?(?:do|not|for|strictly"
                r"|internal) )|\binsider information\b"
                r"|\b(?:treat|regard|consider|handle) (?:\w+ ){1,6}as (?:MNPI|inside(?:r)? information)\b"
                r"|\b(?:trad(?:e|ing)|deal(?:ing)?|act(?:ing)?) (?:\w+ )?on (?:this|these|what|the (?:above|following"
                r"|attached|enclosed|below))(?: (?:information|news|figures|numbers|results|data|knowledge|tip))?\b"
                r"|\b(?:brought|taken|are|been|now) over the wall\b|\b(?:we|I) (?:now )?(?:have|hold"
                r"|received) inside information\b"
                r"|\b(?:trad|sell|buy|deal)\w* (?:\w+ ){0,3}(?:on|upon|based on|on the basis of) this (?:e-?mail"
                r"|message"
                r"|information|memo|note|document|deck|call)\b"
                r"|\b(?:sign|signed|join|joined) the insider list\b"
                r"|\b(?:restricted|permanent|designated|temporary|deal) insiders?\b"
                r"|\b(?:added to|placed on|put on|included (?:in|on)|entered (?:in|on)) (?:the |our |an? )?"
                r"(?:insider|restricted|watch) list\b"
                r"|\btrading window (?:is|has been|was|will be|remains|stays) (?:now )?closed\b"
                r"|\b(?:you are|you have been|been|was|were|now) (?:now )?wall[ -]crossed\b"
            ),
        ),
        (
            "unannounced_deal",
            compile_phrase(
                r"\b(?:unannounced|undisclosed|secret|pending,? unannounced|not[- ]yet[- ]announced) (?:\w+ ){0,2}?"
                r"(?:merger|acquisition|take-?over|tender offer|buy-?out|divestiture|spin-?off|deal|transaction|"
                r"offering)\b"
            ),
        ),
        (
            "unreleased_results",
            compile_phrase(
                r"\b(?:confidential|unreleased|unpublished|unannounced|non[ -]?public|embargoed|draft,? unreleased)"
                r" (?:(?:Q[1-4]|quarterly|annual|full-year|preliminary|internal|draft|financial|[12][0-9]{3}) ){0,3}"
                r"(?:earnings|revenue|results|guidance|EPS|financials|forecasts?)\b"
                r"|\bahead of (?:the |our |its )?(?:\w+ )?earnings (?:release|call|announcement|report)\b"
                r"|\b(?:(?:first|second|third|fourth)[- ]quarter|Q[1-4]|quarterly|full[- ]year|annual) "
                r"(?:results|earnings|figures|revenues?) (?:have|has|are|were) not (?:yet )?(?:been )?(?:publicly )?"
                r"(?:announced|released|published|disclosed|public)\b"
            ),
        ),
    )
    _embargo = compile_phrase(_EMBARGO)
    _confidential = Pattern(r"\bconfidential\b", ignore_case=True)
    _deal = compile_phrase(_DEAL)
    _results = compile_phrase(_RESULTS)
    _figure = compile_phrase(_FIGURE)
    _sentence_break = Pattern(r"[.!?;]\s|\n\s*\n")
    _reach = 160
    # All that a marker cannot do without, in one pass: most texts end here.
    _scout = any_pattern(*(pattern for _, pattern in _phrases), _embargo, _confidential, HELD)

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the phrases, and the stretch from the first to the last word of those that met."""
        for wording in text.wordings:
            if self._scout.is_in(wording.data):
                for kind, start, end, confidence in chain(self._find_in(wording.data), find_held_back(wording.data)):
                    yield Span(kind, *wording.locate(start, end), confidence)
            for kind, start, end, confidence in find_inside_passages(wording.data):
                yield Span(kind, *wording.locate(start, end), confidence)

    def _is_other(self, data: bytes, start: int, end: int) -> bool:
        return OTHER_MATTER.is_in(data, *find_sentence(data, start, end))

    def _find_in(self, data: bytes) -> Iterator[Span]:
        for kind, pattern in self._phrases:
            known: dict[bytes, bool] = {}
            for match in pattern.find(data):
                start, end = match.span()
                context = before(data, start, 48)
                if context not in known:
                    known[context] = self._spoken_of.is_in(context)
                if not known[context]:
                    yield Span(kind, start, end, 0.9)
        embargoes = _spans(self._embargo, data)
        if not embargoes and not self._confidential.is_in(data):
            return
        deals, results, figures = (_spans(each, data) for each in (self._deal, self._results, self._figure))
        for start, end in _meetings(embargoes, deals, self._reach):
            if not _is_paragraph_break(data, start, end) and not self._is_other(data, start, end):
                yield Span("unannounced_deal", start, end, 0.8)
        figured = sorted(
            span for span in _meetings(results, figures, self._reach // 2) if not _is_paragraph_break(data, *span)
        )
        for start, end in _meetings(embargoes, figured, self._reach):
            if not _is_paragraph_break(data, start, end):
                yield Span("unreleased_results", start, end, 0.8)
        for start, end in _meetings(_spans(self._confidential, data), figured, self._reach):
            if not self._sentence_break.is_in(data, start, end):
                yield Span("unreleased_results", start, end, 0.7)


def _spans(pattern: Pattern, data: bytes) -> list[tuple[int, int]]:
    return [match.span() for match in pattern.find(data)]


def _meetings(
    ones: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]], reach: int
) -> Iterator[tuple[int, int]]:
    """Yield for each of `ones` the stretch that it makes with the nearest of `others` on either side, if in reach.

    Both in order. One walk over both lists.
    """
    index = 0
    for start, end in ones:
        while index < len(others) and others[index][1] < start - reach:
            index += 1
        nearest = [
            other for other in others[index : index + 8] if other[0] <= end + reach and other[1] >= start - reach
        ]
        if nearest:
            other = min(nearest, key=lambda span: max(span[0] - end, start - span[1]))
            yield min(start, other[0]), max(end, other[1])


def _is_paragraph_break(data: bytes, start: int, end: int) -> bool:
    return b"\n\n" in data[start:end] or b"\r\n\r\n" in data[start:end]


_PRIVILEGE = r"(?:attorney|lawyer|solicitor|counsel)[ /&'-]+(?:and[ -])?client"


class PrivilegeDetector:
    """Marks of attorney-client privilege, of work product and of legal advice."""

    name = "privilege"
    types = frozenset({"attorney_client", "legal_advice", "work_product"})

    _phrases = (
        (
            "attorney_client",
            compile_phrase(
                any_of(
                    (
                        rf"\b{_PRIVILEGE}[ ,:/'-]+(?:privileged?|communications?|confidential(?:ity)?)\b",
                        r"\bprivileged? (?:and|&) (?:strictly |highly )?confidential\b",
                        r"\bconfidential(?:,| and| &) (?:legally )?privileged\b",
                        r"\bprivileged (?:attorney|legal|lawyer)[ -]?(?:client )?communications?\b",
                        r"\b(?:legal(?:ly)?|solicitor-client|common[ -]interest) privileged?\b",
                        r"\b(?:protected by|subject to|covered by|under) (?:the )?(?:legal )?privilege\b",
                        r"\bprivileged (?:legal )?(?:communications?|correspondence|discussions?|advice"
                        r"|memo(?:randum)?"
                        r"|documents?|materials?)\b",
                        r"\b(?:attorney|lawyer|counsel|solicitor)s?'?s? eyes only\b",
                        r"\bwaiv(?:e|er|es|ing) (?:of )?privilege\b",
                        r"\b(?:joint defen[cs]e|common interest) (?:agreement|communications?|materials?)\b",
                        r"\b(?:this|the|following|attached|these)(?: \w+)? ?(?:note|e-?mail|letter|memo(?:randum)?"
                        r"|document"
                        r"|message|following|communication|attachment|correspondence|report|advice|opinion|analysis"
                        r"|draft)s? "
                        r"(?:is|are) (?:legally )?privileged\b",
                        r"\b(?:the|this) following is privileged\b|\bprivileged[ :.!-]+(?:do not|not for) \w",
                        r"\b(?:legal professional|legal advice|litigation|joint[ -]defen[cs]e|settlement) privilege\b",
                        r"\b(?:communications?|correspondence|e-?mails?|discussions?|memo(?:randum)?"
                        r"|letters?) between "
                        r"(?:\w+ ){0,2}(?:attorneys?|lawyers?|counsel|solicitors?) and (?:\w+ ){0,2}clients?\b",
                        r"\b(?:waiv(?:e|er|es|ing)|assert(?:s|ing)?|preserv(?:e|es|ing)|claim(?:s|ing)?"
                        r"|maintain(?:ing)?)"
                        r" (?:of )?(?:the |our |any )?(?:client|attorney-client|legal) privilege\b",
                    )
                )
            ),
        ),
        (
            "work_product",
            compile_phrase(
                any_of(
                    (
                        r"\b(?:attorneys?'?s?|lawyers?'?s?|counsel'?s?)[ -]work[ -]product\b",
                        r"\bwork[ -]product (?:doctrine|privilege|protection|protected|immunity)\b",
                        r"\b(?:opinion|protected|privileged|confidential|fact|legal|trial)[ -]work[ -]product\b",
                        r"\b(?:mental impressions|legal theories|trial strategy"
                        r"|litigation strategy)\b.{0,80}\b(?:trial|counsel"
                        r"|attorneys?|litigation|work product)\b",
                        r"\bprepared by (?:\w+ )?(?:counsel|attorneys?|lawyers?|solicitors?) (?:for"
                        r"|in) (?:\w+ ){0,3}(?:litigation"
                        r"|lawsuit|arbitration|trial|court)\b",
                        r"\b(?:prepared|created|made|drafted|written"
                        r"|compiled) (?:\w+ ){0,3}at (?:the )?(?:\w+ )?(?:counsel|attorney"
                        r"|lawyer|solicitor)s?'?s? (?:request|direction|instructions?|behest)\b",
                        r"\bprepared by (?:outside|in-house|trial|our|defen[cs]e|external) (?:counsel|attorneys?"
                        r"|lawyers?)\b",
                        r"\bprepared (?:\w+ ){0,4}(?:for use in|in connection with) (?:\w+ ){0,2}(?:litigation"
                        r"|lawsuit|arbitration"
                        r"|trial)\b",
                        r"\b(?:trial|litigation)[ -]preparation (?:materials?|documents?|notes?|memo(?:randum)?)\b",
                        r"\bprotected from (?:discovery|disclosure) (?:under|by|as|pursuant)\b",
                        r"\b(?:counsel|attorney|lawyer|solicitor)s?'?s? (?:interview )?(?:notes|impressions"
                        r"|file memo)\b",
                        r"\b(?:prepared|created|made|drafted|written|compiled|commissioned|analysis|notes?|report|memo"
                        r"(?:randum)?) (?:\w+ ){0,6}in (?:anticipation|contemplation|expectation"
                        r"|preparation) of (?:\w+ ){0,3}"
                        r"(?:litigation|lawsuits?|suit|arbitration|trial|legal proceedings?|legal action"
                        r"|legal claims?|dispute)\b",
                        r"\b(?:prepared|created|made|drafted|written|conducted|compiled) (?:by \w+ )?"
                        r"(?:at|under|upon|on) (?:the )?(?:direction|request|instructions?|behest) of (?:\w+ ){0,3}"
                        r"(?:counsel|attorneys?|lawyers?)\b",
                        r"\b(?:prepared|created|made|drafted|written) (?:by counsel )?"
                        r"in (?:anticipation|contemplation) of "
                        r"(?:\w+ )?litigation\b",
                    )
                )
            ),
        ),
        (
            "legal_advice",
            compile_phrase(
                any_of(
                    (
                        r"\bfor (?:the )?purposes? of (?:\w+ ){0,2}(?:obtaining|seeking|giving|providing|rendering|"
                        r"receiving|requesting) (?:\w+ )?legal advice\b",
                        r"\b(?:to|in order to) (?:obtain|seek|provide|render|request) (?:\w+ )?legal advice from\b",
                        r"\b(?:our|outside|general|in-house|legal|trial|defen[cs]e) counsel(?:'s)? "
                        r"(?:has |have )?(?:advise[sd]?|recommend(?:s|ed)?|opine[sd]?|concluded?|legal advice)\b",
                        r"\bcounsel's (?:legal )?(?:advice|opinion|assessment|view|recommendation)\b",
                        r"\b(?:as|in our (?:opinion|view|judg(?:e)?ment|capacity) as) your (?:\w+ )?(?:counsel"
                        r"|attorneys?"
                        r"|lawyers?|solicitors?|barristers?)\b",
                        r"\b(?:asked for|asking for|request(?:s|ed|ing)?|s(?:eek|eeks|eeking|ought)|obtain(?:s|ed"
                        r"|ing)?|need(?:s|ed)?"
                        r"|want(?:s|ed)?|g(?:ive|iving|ave)|receiv(?:e|ed|ing)|render(?:s|ed|ing)?|following|per"
                        r"|based on|rely on|here is|this is)"
                        r" (?:our |your |my |their |the |his |her |counsel's )?(?:\w+ )?legal advice (?:from|on"
                        r"|about|as to"
                        r"|regarding|concerning|of|in|that|whether|is|was)\b",
                        r"\b(?:contains?|includes?|reflects?|including|containing) (?:\w+ )?legal advice\b"
                        r"|\brequest for legal advice\b",
                        r"\b(?:prepared|written|wrote|write|drafted|sent) (?:\w+ ){0,5}to (?:give|render|provide"
                        r"|obtain|receive)"
                        r" (?:\w+ )?legal advice\b",
                        r"\b(?:our|my) legal (?:opinion|analysis|assessment)\b",
                        r"\b(?:our|my|the company's) (?:attorneys?|lawyers?|solicitors?|legal (?:team"
                        r"|department)) (?:thinks?"
                        r"|believes?|feels?|recommends?|suggests?|told (?:us|me))\b",
                        r"\bcounsel (?:believes?|thinks|considers|is of the (?:opinion|view)|takes the view)\b",
                        r"\b(?:per|on the advice of|as advised by) (?:our|my|outside|in-house"
                        r"|general) (?:attorneys?|lawyers?"
                        r"|counsel|solicitors?)\b",
                        r"\bas (?:my|our) (?:attorneys?|lawyers?|counsel|solicitors?)\b",
                        r"\b(?:in (?:our|my) (?:opinion|view|judge?ment)|advise (?:us|me|you))[ ,]+as counsel\b",
                        r"\b(?:our|my|this) legal advice (?:to you )?(?:is|was|remains) (?:to|that|not to"
                        r"|against)\b",
                        r"\b(?:counsel|attorneys?|lawyers?|solicitors?|law firm|legal department"
                        r"|legal team)(?: (?:has|have|had))?"
                        r" (?:strongly )?(?:advise[sd]?|recommend(?:s|ed)?|caution(?:s|ed)?|warn(?:s|ed)?"
                        r"|told) (?:us|me|that|the"
                        r" (?:company|client|board|committee)|against|not to)\b",
                    )
                )
            ),
        ),
    )
    # The words for the right itself, which are said of the law as well.
    _doctrine = compile_phrase(r"privilege ?$|doctrine|immunity")
    _denied = compile_phrase(
        r"\b(?:not|no longer|never|non|isn't|without)"
        r"(?: (?:a|an|the|subject to|protected by|covered by|under|any)){0,3}[ -]$"
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the phrases. One that the words before it deny ("not subject to ...") is none."""
        for wording in text.wordings:
            for kind, pattern in self._phrases:
                for match in pattern.find(wording.data):
                    start, end = match.span()
                    if self._denied.is_in(before(wording.data, start)):
                        continue
                    if self._doctrine.is_in(match.group()) and SPOKEN_OF.is_in(
                        wording.data, *find_sentence(wording.data, start, end)
                    ):
                        continue
                    yield Span(kind, *wording.locate(start, end), 0.9)
            for kind, start, end, confidence in find_counsel_passages(wording.data):
                yield Span(kind, *wording.locate(start, end), confidence)
