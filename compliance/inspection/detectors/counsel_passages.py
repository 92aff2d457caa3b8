"""Legal advice and the work of counsel in plain sentences, without the marks of privilege.

Counsel, or somebody who asks for or gives legal advice, and a legal matter of the writer's own in one sentence.
Sentences of a court, a reporter, a handbook or the other side are none.
"""

from __future__ import annotations

from collections.abc import Iterator

from compliance.inspection.detectors.sentences import find_sentence
from compliance.inspection.patterns import any_of, any_pattern
from compliance.inspection.registry import Span
from compliance.inspection.wording import compile_phrase

_COUNSEL = r"(?:counsel|attorneys?|lawyers?|solicitors?|barristers?|legal (?:department|team))"
_OUR_COUNSEL = rf"(?:our|outside|external|in-house|inside|general|my|the|retained|trial|defen[cs]e) (?:\w+ )?{_COUNSEL}"
_THINKS = (
    r"(?:advis(?:e|es|ed|ing)|say|says|said|think|thinks|thought|believe|believes|believed|recommend|recommends"
    r"|recommended|suggest|suggests|suggested|conclude|concludes|concluded|opine|opines|opined|estimate|estimates"
    r"|estimated|warn|warns|warned|caution|cautions|cautioned|see|sees|consider|considers|told us)"
)
_OPINION = (
    r"(?:advice|opinion|view|assessment|analysis|memo|memorandum|recommendations?|evaluation|comments|position|notes)"
)
# Each matter is one that is fought over or feared.
_MATTER = (
    r"\b(?:settle|settling|settlement|liab(?:le|ility)|exposure|exposes?|claims?|lawsuits?|litigation|suit|sue[ds]?"
    r"|trial|arbitration|defen[cs]es?|(?:un)?enforceable|indemnity|damages|appeal|complaint|dismissal|terminate"
    r"|termination|breach|infring\w+|non-compete|legal risks?|no case|(?:our|their|side's|a (?:strong|weak)) case|offer"
    r"|testify|time-barred|subpoena|contract|clause|statute|dispute|fire him|fire her|negligen\w+)\b"
)
_OUR = r"\b(?:we|we'd|we're|we've|us|our|ours|my|I|you|your)\b"
# A pattern, and whether a legal matter and a word for the writer's own side must stand in the sentence too.
_RULES = (
    ("legal_advice", rf"\b{_OUR_COUNSEL}(?:'s)? (?:\w+ ){{0,2}}?{_THINKS}\b", True),
    ("legal_advice", rf"\bcounsel (?:\w+ )?{_THINKS}\b", True),
    ("legal_advice", rf"\b(?:{_COUNSEL}|legal)'s (?:\w+ )?{_OPINION}\b", True),
    (
        "legal_advice",
        r"\b(?:outside|in-house|external) counsel's (?:memo|memorandum|opinion|advice|assessment|analysis)\b",
        False,
    ),
    ("legal_advice", rf"\b(?:per|according to|as per) (?:{_OUR_COUNSEL}|counsel|legal)\b", True),
    (
        "legal_advice",
        rf"\b(?:ask(?:ed|ing)?|consult(?:ed|ing)?|retained) (?:{_OUR_COUNSEL}|counsel|legal)\b.{{0,40}}\b(?:whether|if"
        r"|about|on|in view of|because|regarding|for)\b",
        True,
    ),
    (
        "legal_advice",
        rf"\b(?:{_COUNSEL}|legal)\b.{{0,40}}\b(?:advise us|advise on|let us know|tell us|confirm) (?:whether|if|on)\b",
        True,
    ),
    ("legal_advice", r"\badvise (?:us |me )?on (?:our|the|my) (?:legal|liability|exposure)\b", False),
    (
        "legal_advice",
        r"\b(?:her|his|their|your|our|my|counsel's) legal (?:advice|opinion)(?: to you| to us)? (?:is|was|to|on|in"
        r"|about|regarding)\b",
        False,
    ),
    (
        "legal_advice",
        r"\b(?:need|seek|seeking|request|want|ask(?:ing)? for) (?:\w+ )?legal advice (?:on|about|regarding|in"
        r"|from|as to)\b",
        False,
    ),
    ("legal_advice", r"\bin (?:my|our) legal opinion\b|\b(?:it|this) is legal advice (?:to|for|from)\b", False),
    (
        "legal_advice",
        r"\b(?:my|our) (?:advice|analysis|assessment)(?: to you)? (?:is|was|of|on|for|regarding) (?:\w+ ){0,4}?"
        r"(?:settle(?:ment)?|claim|liability|exposure|lawsuit|litigation|defen[cs]e|appeal|complaint"
        r"|(?:reject|accept) (?:\w+ ){0,2}(?:settlement|claim|judge?ment))\b",
        True,
    ),
    ("legal_advice", r"\byou (?:asked|requested) (?:for |us for |me for )?(?:our|my) (?:legal )?advice\b", True),
    (
        "legal_advice",
        r"\byou (?:have|would have) a (?:strong|good|weak|viable) (?:defen[cs]e|case|claim)"
        r"(?: under| against| on appeal| in court| ?[.,;]|$)",
        False,
    ),
    (
        "attorney_client",
        rf"\b(?:notes?|minutes|summary|record)\b.{{0,30}}\b(?:meeting|call|conversation|discussion|consultation) with"
        rf" (?:\w+ )?{_COUNSEL}\b.{{0,80}}\b(?:settlement|defen[cs]es?|litigation|claims?|suit|lawsuit|case|liability"
        r"|exposure|trial)\b",
        False,
    ),
    (
        "attorney_client",
        r"\b(?:treat|mark|marked|consider|keep|handle|remains?|information which is|is"
        r"|are) (?:\w+ )?(?:as )?(?:legally )?"
        r"privileged(?: ?[.:,;!]|$)",
        False,
    ),
    (
        "attorney_client",
        r"\bA/C[ -]priv(?:ileged?)?\b|\bprivileged(?: and confidential)? ?: ?(?:request|advice|memo|prepared|draft"
        r"|legal|communication|attorney|counsel|do not|from|see|notes?|this)\b",
        False,
    ),
    ("work_product", r"\bwork[ -]product of (?:\w+ )?(?:counsel|attorneys?|lawyers?|solicitors?)\b", False),
    (
        "work_product",
        rf"\b(?:for review by|comments from|draft(?:ed)? (?:by|for)|reviewed by) (?:{_OUR_COUNSEL}|counsel)\b",
        True,
    ),
    ("work_product", rf"\b(?:asked|instructed|told|requested) by (?:our |outside )?{_COUNSEL} to\b", True),
    (
        "work_product",
        r"\bour (?:litigation|trial|defen[cs]e|settlement|legal) (?:strategy|authority|range|position)\b"
        r"|\bsettlement authority (?:is|of)\b|\bstrengths and weaknesses of (?:our|the) (?:case|claim|defen[cs]e)\b",
        False,
    ),
)
_COMPILED = tuple((kind, compile_phrase(expression), bound) for kind, expression, bound in _RULES)
_SCOUT = any_pattern(*(pattern for _, pattern, _ in _COMPILED))
_LEGAL_MATTER = compile_phrase(_MATTER)
_OWN = compile_phrase(_OUR)
# Who speaks in public, of the law in general, or for the others; and rights of users.
PUBLIC_OR_GENERAL = compile_phrase(
    any_of(
        (
            r"\b(?:court|judge|jury|ordered|public docket|reporters|on TV|press|handbook|textbook|lecture|article"
            r"|website|course|courses|training|bar association|publishes|a guide|explains? (?:what|how|the)|defines?"
            r"|what .{1,80} means?|in general)\b",
            r"\b(?:opposing|adverse|plaintiffs?'?s?|defendants?'?s?|their|prosecut\w+|school) (?:counsel|attorneys?"
            r"|lawyers?)\b.{0,12}\b(?:served|filed|argued|moved|said|asked|advised)|\bcounsel for (?:the )?(?:plaintiff"
            r"|defendant|respondent|petitioner)",
            r"\b(?:not|nor|isn't|no) (?:\w+ ){0,2}(?:legal advice|privileged)\b|\b(?:consult|contact|ask) (?:an|a|your"
            r"|your own) (?:\w+ )?(?:attorney|lawyer|solicitor|legal)\b|\bmay not give\b",
            r"\b(?:users?|access|accounts?|root|admin|mode|process|port|container|ports?|sudo)\b.{0,30}\bprivileged\b"
            r"|\bprivileged (?:users?|access|accounts?|mode|ports?|containers?)\b",
        )
    )
)

# The law of privilege and not a privilege of the writer's.
SPOKEN_OF = compile_phrase(
    r"\b(?:court (?:held|ruled|found)|judge|handbook|textbook|guide|explains?|what .{1,80} means?|bar association"
    r"|course"
    r"|lecture)\b"
)


def find_counsel_passages(data: bytes) -> Iterator[Span]:
    """Yield the words that give, ask for or tell of legal advice, where the sentence speaks of the writer's own."""
    if not _SCOUT.is_in(data):
        return
    known: dict[tuple[str, bytes], bool] = {}
    for kind, pattern, bound in _COMPILED:
        for match in pattern.find(data):
            start, end = match.span()
            first, last = find_sentence(data, start, end)
            seen = (f"{kind}{bound}", data[first:last])
            if seen not in known:
                known[seen] = not PUBLIC_OR_GENERAL.is_in(seen[1]) and (
                    not bound or (_LEGAL_MATTER.is_in(seen[1]) and _OWN.is_in(seen[1]))
                )
            if known[seen]:
                yield Span(kind, start, end, 0.7)
