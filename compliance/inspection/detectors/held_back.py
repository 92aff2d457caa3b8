"""Inside information in plain words: a matter that moves a price, and the same sentence says that it is held back.

What holds back: it is not out yet, it comes out later, nobody else knows, it is to be kept. What moves a price: a
deal, results, an event. Sentences that speak of rules in general, or of what was published, are none.
"""

from __future__ import annotations

from collections.abc import Iterator

from compliance.inspection.detectors.sentences import find_sentence
from compliance.inspection.patterns import any_of
from compliance.inspection.registry import Span
from compliance.inspection.wording import compile_phrase

_PUBLISHED = (
    r"(?:announced|disclosed|released|published|reported|filed|communicated|made (?:public|available|known)|public"
    r"|known to)"
)
_PUBLISH = (
    r"(?:publish|announce|report|release|disclose|file|go public|goes? out|communicate"
    r"|tell (?:the )?(?:market|street))"
)
_OUTSIDERS = r"(?:the )?(?:market|street|public|investors|analysts|press|media|shareholders|competitors?|others?)"
_IT = r"(?:we|they|it|this|that|these|those|the company|the board|the (?:\w+ ){1,3}?)"

HELD = compile_phrase(
    any_of(
        (
            rf"(?:\b(?:not|never)|n't)(?: yet)?(?: been| be)?(?: yet)?(?: publicly| officially| formally)?"
            rf" {_PUBLISHED}\b",
            r"\bnot(?: yet)?(?: been)? (?:in the public domain|hit the (?:tape|wires?|news|market)|priced in)\b",
            r"\bno trading (?:until|before)\b|\btell no one\b|\b(?:nobody|no one) (?:is|may|should) (?:to )?trade\b",
            r"\b(?:market|street|investors|analysts) (?:does|do)(?: not|n't) (?:yet )?(?:know|expect|anticipate"
            r"|see)\b",
            r"\bwe go public with (?:it|this|that)\b|\b(?:when|until|before) (?:they|it|these|this) (?:comes?|goes?"
            r"|is|are) out\b",
            rf"\b(?:yet|still|remains?) to be (?:publicly )?{_PUBLISHED}\b",
            rf"\b(?:until|before|prior to|ahead of|unless) {_IT}(?: ?(?:is|are|has been|have been|can|will|do|does"
            rf"|gets?))?"
            rf" ?(?:formally |officially |publicly )?(?:{_PUBLISHED}|{_PUBLISH}(?:s|es|ing)?)\b",
            rf"\b(?:until|before) {_OUTSIDERS} (?:\w+ )?(?:learns?|knows?|hears?|finds? out|reads?|sees?|notices?"
            rf"|opens?"
            r"|reacts?)\b",
            rf"\bwill (?:only )?(?:be )?{_PUBLISHED} (?:only|first|with|at|after|when|alongside|together|next"
            rf"|tomorrow)\b",
            r"\b(?:nobody|no one|no-one|none|hardly anyone|few people)(?: else)?(?: \w+){0,2} (?:knows?|is aware"
            r"|are aware"
            r"|has been told|have been told|has heard|have heard)\b",
            r"\b(?:nobody|no one|no-one) (?:else )?(?:outside|beyond|apart from|except|but)\b",
            r"\bonly (?:the )?(?:deal team|board|executives|executive (?:team|committee)|c-suite|a handful"
            r"|a few(?: of us)?)"
            r" (?:\w+ )?(?:knows?|is aware|are aware)\b",
            r"\b(?:keep|treat|hold) (?:this|that|it|these|them|the \w+)(?: \w+)?(?: strictly)? (?:to yourself"
            r"|to yourselves"
            r"|between us|quiet|secret|confidential(?:ly)?|private|in confidence|under wraps|close)\b",
            r"\bbetween (?:you and me|us|ourselves)\b",
            r"\b(?:do not|don't|please don't|must not|never|nor) (?:\w+ )?(?:trade|share|disclose|distribute"
            r"|forward|repeat"
            r"|circulate|leak|discuss|breathe|tell anyone|mention)\b",
            r"\b(?:must|should|may|can)(?: not|n't) (?:leave|leak|get out|be (?:shared|disclosed|forwarded"
            r"|repeated))\b",
            r"\b(?:is|are|remains?|stays?|kept|still|strictly|highly) (?:strictly |highly )?(?:confidential|secret"
            r"|private"
            r"|under wraps|under embargo|embargoed|undisclosed|unannounced|unpublished)\b",
            r"\b(?:under (?:strict )?(?:nda|embargo)|embargoed|unreleased|unannounced|undisclosed|unpublished)\b",
            r"\b(?:pre|prior to|ahead of|in advance of|before)[ -](?:the |our |its |any )?(?:public |official "
            r"|formal )?"
            r"(?:announcement|disclosure|earnings|publication|press release|filing)\b",
        )
    )
)
_DEAL = compile_phrase(
    any_of(
        (
            r"\b(?:merger|merge with|merging|acquisition|take-?over|tender offer|buy-?out|divestiture|divest|spin-?off"
            r"|joint venture|business combination|going private|take (?:\w+ ){0,3}private|letter of intent|term sheet"
            r"|due diligence|share (?:buyback|repurchase|issue)|stock split|private placement|rights issue"
            r"|capital raise"
            r"|secondary offering)\b",
            r"\b(?:we|company|board|management|buyer|bidder|they|and|to)(?: \w+){0,3} (?:acquir(?:e|es|ing)|buy(?:s"
            r"|ing)?"
            r"|purchas(?:e|ing)|merg(?:e|ing)|bid(?:ding)?|sell(?:s|ing)?) (?:\w+ ){0,3}(?:division|business|company"
            r"|unit|subsidiary|stake|shares|competitor|rival|target|next (?:week|month|quarter|year)|for)\b",
            r"\b(?:talks|negotiat(?:ions?|ing)|discussions|agreed|agreement|plans?|intend(?:s|ed)?"
            r"|offer(?:ed)?) (?:\w+ )?"
            r"(?:to|for|on|about) (?:the )?(?:sell|sale|buy|acquire|acquisition|purchase|merge|merger|divest"
            r"|combine)\b",
            r"\b(?:buyer|bidder|acquirer|purchaser|suitor)s?\b.{0,40}\b(?:premium|pay|offer|price|bid)\b",
            r"\b[0-9]+ ?(?:%|percent|per cent) premium\b",
            r"\b(?:proposed|pending|planned|secret) (?:deal|transaction|bid|offer)\b|\b(?:the|this|our) (?:deal|bid)\b"
            r"|\b(?:the|this) transaction (?:with|at|will|is expected|values|remains|closes)\b",
            r"\b(?:we|they|company|board)(?:'re| are| is) (?:\w+ )?(?:buying|acquiring|selling|merging"
            r"|taking over) \w",
        )
    )
)
_RESULTS = compile_phrase(
    any_of(
        (
            r"\b(?:earnings|EPS|revenues?|net (?:income|loss|sales)|operating (?:income|profit)|EBITDA|gross margin"
            r"|guidance"
            r"|profit warning|write-?down|impairment|dividend|consensus|restatement|goodwill)\b",
            r"\b(?:quarter(?:ly)?|Q[1-4]|full[ -]year|half[ -]year|annual|preliminary|unaudited|financial"
            r"|draft) (?:\w+ )?"
            r"(?:results|figures|numbers|sales|report|financials|statements|accounts)\b",
            r"\b(?:results|figures|numbers|financials|sales|quarter)\b.{0,100}\b(?:SEC|market|investors"
            r"|shareholders|analysts"
            r"|earnings|10-[KQ]|8-K|stock exchange|unaudited|(?:do not|don't) trade)\b",
            r"\b(?:our|these) (?:numbers|figures|results) (?:will|are|came|come) (?:\w+ )?(?:disappoint|surprise"
            r"|beat|miss|in|below"
            r"|above)\b",
            r"\b(?:the|this|our|last|next) quarter\b.{0,60}\b(?:up|down|beat|miss|loss|profit|margin|below|above"
            r"|short)\b",
        )
    )
)
_EVENT = compile_phrase(
    any_of(
        (
            r"\b(?:material|(?:price|market|share price)[ -]sensitive|(?:market|price|stock)[ -]moving)\b",
            r"\b(?:move|affect|impact) (?:the |our )?(?:share|stock) price\b|\bregulator will (?:approve|reject"
            r"|block|clear)\b",
            r"\b(?:information|contents|figures|numbers) (?:\w+ ){0,6}(?:material|sensitive|unaudited)\b",
            r"\b(?:unaudited|inside) (?:\w+ )?(?:figures|numbers|information|results)\b",
            r"\bfigures (?:\w+ )?(?:are|remain) unaudited\b",
            r"\b(?:CEO|CFO|COO|chair(?:man|woman)?|chief (?:executive|financial officer)|auditors?) (?:\w+ ){0,4}"
            r"(?:resign(?:s|ed|ing|ation)?|step(?:s|ping)? down|leav(?:e|es|ing)|depart(?:s|ure|ing)?|fired"
            r"|replaced)\b",
            r"\b(?:phase (?:[1-3]|i{1,3})|clinical|pivotal) (?:\w+ )?(?:trial|study|data"
            r"|readout)\b.{0,60}\b(?:failed|fails|missed"
            r"|met|endpoint|positive|negative|hold)\b",
            r"\bFDA\b.{0,40}\b(?:reject|approv|refus|complete response|clear)",
            r"\b(?:bankruptcy|chapter 11|insolven(?:t|cy)|going concern|covenant breach|default on)\b",
            r"\b(?:lost|losing|lose|cancel(?:s|led|ed|ling)?|won|winning|awarded) (?:\w+ ){0,3}(?:largest|biggest"
            r"|major|key"
            r"|main) (?:\w+ )?(?:customer|client|contract|account|supplier)\b",
            r"\b(?:data|security) breach\b|\bransomware\b|\bproduct recall\b|\b(?:SEC|DOJ) (?:investigation|inquiry"
            r"|subpoena)\b"
            r"|\bmass lay-?offs?\b|\brating downgrade\b",
        )
    )
)
_MATTERS = (("unannounced_deal", _DEAL), ("unreleased_results", _RESULTS), ("inside_information", _EVENT))

# What speaks of the rule, of the word, or of what is out.
GENERAL = compile_phrase(
    any_of(
        (
            r"\b(?:no|all|any|every|each|some|many|most) (?:\w+ )?(?:employees?|directors?|officers?|insiders?"
            r"|persons?|people"
            r"|staff|one|personnel|compan(?:y|ies)|issuers?|person|associates?|colleagues?|contractors?|members?)\b",
            r"\b(?:employees|directors|officers|insiders|persons|staff|personnel|companies|issuers|executives"
            r"|contractors) "
            r"(?:\w+ )?(?:may|must|should|shall|can|cannot|are|who|with|in possession)\b",
            r"\b(?:polic(?:y|ies)|training|module|course|quiz|code of conduct|handbook|procedures?|guidelines?"
            r"|regulations?"
            r"|prohibit(?:s|ed)?|forbid(?:s|den)?|illegal|unlawful|defined as|definition|for example|such as|e\.g"
            r"|means that"
            r"|refers to|examples? of|reminder that|reg(?:ulation)? FD|rule 10b|contains no|no MNPI|no material"
            r"|in general|typically|usually|generally|always|never trade|hypothetical|fiction(?:al)?)\b",
        )
    )
)
OUT = compile_phrase(
    r"\b(?:(?:as |was |were |been |we |already |publicly |had |officially )"
    r"(?:announced|disclosed|reported|released|published|filed)"
    r"|announced (?:today|yesterday|earlier|last|this|on)|now public|already public|publicly (?:available|known"
    r"|traded)"
    r"|(?:published|released|filed|disclosed) (?:on|in|today|yesterday|last|earlier)|press release (?:dated|of|issued)"
    r"|is public|are public|was public)\b"
)
NOT_OUT = compile_phrase(
    rf"(?:\b(?:not|never)|n't)(?: yet)?(?: been| be)?(?: yet)?(?: publicly| officially| formally)? {_PUBLISHED}\b"
    rf"|\b(?:to|will|shall) be (?:\w+ )?{_PUBLISHED}\b"
)


# What is neither sold nor traded, though it is merged, kept quiet and released in the same words.
OTHER_MATTER = compile_phrase(
    r"\b(?:git|branch(?:es)?|commits?|pull request|repository|deal of the (?:day|week|month|year)|menu|recipe"
    r"|surprise party|survey|students?|grades?|guidance (?:for|on) (?:\w+ )?(?:reviewers|authors|users|staff|employees"
    r"|patients|applicants|teachers|parents|use))\b"
)


def find_held_back(data: bytes) -> Iterator[Span]:
    """Yield what a sentence of the wording holds back, from the first to the last of the words that say so."""
    known: dict[bytes, list[Span]] = {}
    for match in HELD.find(data):
        start, end = find_sentence(data, *match.span())
        sentence = data[start:end]
        place = (match.span()[0] - start).to_bytes(2, "big") + sentence
        if place not in known:
            known[place] = list(_judge(sentence, match.span()[0] - start, match.span()[1] - start))
        for span in known[place]:
            yield Span(span.type, start + span.start, start + span.end, span.confidence)


def _judge(sentence: bytes, start: int, end: int) -> Iterator[Span]:
    if GENERAL.is_in(sentence) or OTHER_MATTER.is_in(sentence) or (OUT.is_in(sentence) and not NOT_OUT.is_in(sentence)):
        return
    for kind, matter in _MATTERS:
        for match in matter.find(sentence):
            yield Span(kind, min(start, match.span()[0]), max(end, match.span()[1]), 0.75)
            break
