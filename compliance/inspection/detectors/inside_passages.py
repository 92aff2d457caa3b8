"""Inside information whose matter, and that it is held back, are said in one passage: a sentence and its neighbours.

What is to come out later ("will be announced on Monday") is said of public calendars too, and counts only where the
writer speaks of what is the writer's own. A neighbouring sentence counts only where it refers back ("It has not ...").
"""

from __future__ import annotations

from collections.abc import Iterator

from compliance.inspection.detectors.held_back import GENERAL, NOT_OUT, OTHER_MATTER, OUT
from compliance.inspection.detectors.sentences import find_sentence
from compliance.inspection.patterns import any_of, any_pattern
from compliance.inspection.registry import Span
from compliance.inspection.wording import compile_phrase

_OUT_LATER = r"(?:announced|disclosed|released|reported|published|launched|made public|filed|communicated)"
_DAY = (
    r"(?:on|next|at|in (?:two|three|four|a few|an?|the next|[0-9]+)|before|after|when|once|with|together|tomorrow"
    r"|tonight"
    r"|mon|tues|wednes|thurs|fri)"
)
# It is a secret, whoever says so.
_SECRET = any_of(
    (
        r"\bannouncement (?:is |was |will be )?(?:planned|scheduled|to follow|follows)\b",
        rf"(?:\b(?:not|never)|n't)(?: yet)?(?: been)?(?: yet)?(?: publicly| officially)? (?:{_OUT_LATER}|public|known"
        rf"|leaked"
        r"|told|aware|been told|made public)\b",
        r"\b(?:press|market|street|investors|public|analysts|competitors) (?:does|do|is|are|has|have|did|will)(?:n't"
        r"| not)"
        r" (?:\w+ ){0,2}?(?:know|told|aware|heard|been told|expect)\b",
        r"\b(?:nobody|no one|none) (?:\w+ ){0,5}?(?:knows?|may know|must know|is aware|has heard|outside)\b",
        r"\bnothing has (?:yet )?leaked\b|\bkeep (?:it|this|that|these|them|the \w+)? ?(?:\w+ )?(?:quiet|secret"
        r"|confidential|private|to yourself|under wraps)\b|\b(?:strictly|highly) confidential\b|^ ?confidentially,"
        r"|\bbetween (?:us|you and me|ourselves)\b",
        r"\b(?:do|must|may|should)(?:n't| not) (?:\w+ )?(?:trade|deal|buy|sell|share|disclose|distribute|forward)\b",
        r"\b(?:before|until|ahead of|prior to) (?:it|it's|this|that|they|these|the (?:deal|news|acquisition|merger"
        r"|results"
        r"|numbers|transaction)|then)(?:'s)?(?: is| are| has been| have been)? ?(?:public|announced|published|released"
        r"|out|made public)?\b",
        r"\b(?:before|until|ahead of|prior to) the (?:\w+ )?(?:announcement|press release|release|earnings call"
        r"|disclosure|publication|market opens|opening bell)\b",
        r"\b(?:under|strict|news) embargo\b|\bembargoed\b|\bnot for (?:public )?(?:release|publication|distribution"
        r"|disclosure)\b|\bnot to be (?:published|released|distributed|disclosed)\b|\bunreleased\b|\bunannounced\b",
    )
)
# It comes out later, which alone is said of what is planned in public as well.
_LATER = any_of(
    (
        rf"\b(?:will|shall|to|can|scheduled to|expected to|planned to) be {_OUT_LATER} (?:\w+ )?{_DAY}",
        r"\b(?:announcement|release|disclosure) (?:is |was |will be )?(?:planned|scheduled|expected|due|to follow"
        r"|follows"
        r"|comes|coming)\b",
        r"\b(?:come|comes|coming|goes|go) (?:out|public)(?: with it)? (?:next|on|in|tomorrow|this)\b",
        r"\b(?:will|to|intend(?:s)? to|going to|plan(?:s)? to) (?:\w+ )?(?:announce|disclose|issue (?:a|the) (?:press"
        r" release|profit warning)|publish)\b",
        r"\bofficial (?:notice|announcement|letter) (?:comes|follows|is due)\b|\bheads[- ]up\b|\bnot public yet\b",
    )
)
_DEAL = any_of(
    (
        r"\b(?:merger|take-?over|tender offer|acquisition|acquir(?:e|ing|ed) (?:at|by|for|the|\w)|buy-?out|term sheet"
        r"|due diligence|business combination|secondary offering|capital increase|rights issue|stock split"
        r"|share (?:buyback|repurchase)|dividend (?:increase|cut)|spin-?off)\b",
        r"\b(?:be|being|been|get) (?:bought|acquired|taken over|sold)\b|\b(?:agreed|talks|plans?|intend(?:s)?|going"
        r"|about"
        r"|negotiating) to (?:buy|acquire|sell|merge|purchase|combine|divest)\b"
        r"|\bbid(?:ding)? for (?:(?-i:[A-Z])\w|the (?:company|business|group|shares)|it\b|them\b)"
        r"|\bsell (?:itself"
        r"|the (?:division|business|unit|company|subsidiary))\b|\b(?:the|a) (?:buyer|bidder"
        r"|acquirer) (?:has )?(?:signed"
        r"|agreed|offered|raised)\b|\b(?:the|this|our) deal (?:is|was|has|will|closes|with|at)\b",
    )
)
_RESULTS = any_of(
    (
        r"\b(?:revenues?|EPS|earnings|guidance|net (?:income|loss|sales|profit)|operating (?:income|profit|loss)|profit"
        r"|EBITDA|gross margin|forecast|consensus|financials)\b|\b(?:Q[1-4]|quarterly|full-year|preliminary) (?:\w+ )?"
        r"(?:numbers|results|figures|sales)\b|\brestate(?:d|ment)?\b",
    )
)
_EVENT = any_of(
    (
        r"\b(?:CEO|CFO|COO|chair(?:man|woman)?|chief (?:executive|financial)(?: officer)?) (?:\w+ ){0,3}(?:resign|step"
        r"|leav|depart|fired|replaced|dismiss)",
        r"\b(?:FDA|EMA|regulators?|antitrust authority|commission) (?:\w+ ){0,5}(?:reject|approv|refus|block|clear"
        r"|fine)",
        r"\b(?:phase (?:[1-3]|i{1,3})|pivotal) (?:\w+ )?(?:trial|study)\b|\bprimary endpoint\b",
        r"\b(?:lost|losing|won|cancel(?:l?ed)?) (?:\w+ ){0,3}(?:largest|biggest|major|key|main) (?:\w+ )?(?:customer"
        r"|client|contract|account|supplier)\b|\bdata breach\b|\bransomware\b|\b(?:mass )?lay-?offs?\b"
        r"|\bauditors? (?:\w+ ){0,2}(?:found|discovered|resigned|refused)\b|\bprofit warning\b|\bproduct recall\b"
        r"|\binsolven|\bbankruptcy\b|\b(?:price|market)[ -]sensitive\b",
    )
)
_MATTERS = tuple(
    (kind, compile_phrase(expression))
    for kind, expression in (
        ("unannounced_deal", _DEAL),
        ("inside_information", _EVENT),
        ("unreleased_results", _RESULTS),
    )
)
_HELD = compile_phrase(_SECRET)
_COMES_OUT = compile_phrase(_LATER)
# A sentence that goes on about what the one before it said, or tells the reader what to do with it.
_REFERS_BACK = compile_phrase(
    r"^[ ,;:-]*(?:it|this|that|they|these|those|the (?:announcement|deal|news|results?|information|letter|transaction"
    r"|market|press|investors|street|public|companies|numbers|figures)|nobody|no one|none|nothing|please|do not|don't"
    r"|keep|strictly|highly confidential|until|investors|we will issue|buy|not)\b"
)
_OWN = compile_phrase(
    r"\b(?:we|we're|we'll|we've|our|us|I|the board (?:has )?(?:approved|agreed)|the companies intend"
    r"|agreed to sell itself)\b"
)
_FIGURE = compile_phrase(
    r"(?:\$|USD|EUR|GBP) ?[0-9]|\b[0-9][0-9.,]* ?(?:%|percent|million|billion|cents)|\b(?:doubled|miss|missed|beat|cut"
    r"|restate|below|above|profit warning|raise[d]?|lower(?:ed)?)\b"
)
# What others expect, say or are due to publish, and secrets of other kinds.
_PUBLIC = compile_phrase(
    r"\b(?:analysts? (?:expect|forecast)|press reports|webcast|investor relations|said in a statement|the company said"
    r"|10b5-1|log-?in|module|code review|patients?|exam|invite|calendar|password|HIPAA)\b"
)
_MARKS = (
    (
        "inside_information",
        compile_phrase(
            any_of(
                (
                    r"\b(?-i:MNPI)[ -]{1,4}(?:restricted|strictly|confidential|do not|deal team|internal|not for)\b",
                    r"\b(?:holds?|includes?|carries|with|has|have|received|been given) (?-i:MNPI) (?:about|on|regarding"
                    r"|concerning|relating|of)\b|\bmaterial[ ,&/-]+non-?public\b",
                    r"\binsider list\b.{0,80}\bproject\b|\b(?:persons?|people|all|those|everyone|following)"
                    r" (?:\w+ ){0,3}ha(?:ve|s|d) access to inside information\b",
                    r"\bprice[ -]sensitive information\b.{0,60}\b(?:confidential|until|not for|RNS)\b",
                    r"\binside information\b.{0,60}\b(?:art(?:icle)?[ .]{0,2}(?:7|17)|MAR|market abuse|must not (?:deal"
                    r"|trade)|disclosure (?:is |was |has been )?delayed)\b",
                    r"\b(?:recipients|you|all)? ?(?:must|may|should) not (?:deal|trade) in (?:the |our "
                    r"|any )?(?:securities"
                    r"|shares|stock) (?:of|until|before)\b",
                    r"\bblack-?out period (?:applies|is in (?:force|effect)|has (?:begun|started)|until|remains)\b",
                )
            )
        ),
    ),
    (
        "unreleased_results",
        compile_phrase(
            any_of(
                (
                    r"\b(?:EPS|earnings per share|revenues?|net income|profit|sales) (?:of|at|was|is|came in at)"
                    r" (?:\$|USD ?|EUR ?)?[0-9][^;\n]{0,40}\bto be (?:reported|released|announced|published)\b",
                    r"\b(?:revenues?|EPS|earnings|profits?|sales|margins?)\b[^;\n]{0,40}\b(?:will|going to) (?:land"
                    r"|come in"
                    r"|be)\b[^;\n]{0,50}\b(?:below|above|short of|ahead of) (?:what )?(?:the )?(?:street|market"
                    r"|consensus)\b",
                    r"\bdraft (?:\w+ ){0,3}(?:10-[KQ]|8-K|20-F|earnings (?:release|script|call)|results announcement"
                    r"|trading update|proxy statement)\b(?s:.{0,60})\b(?:not yet|confidential|not for|embargo(?:ed)?"
                    r"|until"
                    r"|internal|not filed)\b",
                    r"\b(?:confidential|not for (?:release|publication|distribution)|embargo(?:ed)?"
                    r"|not to be (?:published"
                    r"|released)|subject to completion)\b(?s:.{0,90})\b(?:8-K|10-[KQ]|earnings (?:release|script|call)"
                    r"|trading"
                    r" update|(?:results|earnings) announcement|flash results)\b",
                    r"\b(?:under embargo|embargo(?:ed)?) until\b.{0,60}\b(?:acquire|merger|results|earnings)\b",
                )
            )
        ),
    ),
)
_SCOUT = any_pattern(*(pattern for _, pattern in _MARKS), _HELD, _COMES_OUT)
_REACH = 260


def find_inside_passages(data: bytes) -> Iterator[Span]:
    """Yield what the passages of a wording hold back, and the marks that say so of a whole text."""
    if not _SCOUT.is_in(data):
        return
    known: dict[tuple[bytes, bytes, int], list[Span]] = {}
    for kind, pattern in _MARKS:
        for match in pattern.find(data):
            start, end = match.span()
            first, last = find_sentence(data, start, end)
            if not GENERAL.is_in(data[first:last]):
                yield Span(kind, start, end, 0.85)
    for secret, pattern in ((True, _HELD), (False, _COMES_OUT)):
        for match in pattern.find(data):
            start, end = match.span()
            first, last = find_sentence(data, start, end)
            previous = _previous_sentence(data, first)
            place = (data[previous:first], data[first:last], (start - first) * 2 + secret)
            if place not in known:
                known[place] = list(
                    _judge(data[previous:last], first - previous, start - previous, end - previous, secret)
                )
            for span in known[place]:
                yield Span(span.type, previous + span.start, previous + span.end, span.confidence)


def _previous_sentence(data: bytes, first: int) -> int:
    """Return where the sentence before the one that begins at `first` begins; `first` where a paragraph does."""
    gap = data[max(0, first - 4) : first]
    if first < 3 or b"\n\n" in gap or b"\r\n\r\n" in gap:
        return first
    end = first - len(gap) + len(gap.rstrip()) - 1
    return max(find_sentence(data, end, end)[0], first - _REACH) if end > 0 else first


def _judge(passage: bytes, border: int, start: int, end: int, secret: bool) -> Iterator[Span]:
    """Judge the words from start to end of a passage whose last sentence begins at the border."""
    if (
        GENERAL.is_in(passage)
        or OTHER_MATTER.is_in(passage)
        or _PUBLIC.is_in(passage)
        or (OUT.is_in(passage) and not NOT_OUT.is_in(passage))
    ):
        return
    searched = 0 if border and _REFERS_BACK.is_in(passage[border:]) else border
    if not secret and not _OWN.is_in(passage, searched):
        return
    for kind, matter in _MATTERS:
        for match in matter.find(passage, searched):
            first, last = match.span()
            if kind == "unreleased_results" and not _FIGURE.is_in(passage, searched):
                continue
            yield Span(kind, min(start, first), max(end, last), 0.7)
            break
