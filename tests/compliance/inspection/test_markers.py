"""What marks inside information and privilege in plain sentences, and what only speaks of them."""

from __future__ import annotations

import pytest

from compliance.inspection import inspect

HELD_BACK = [
    "DRAFT - SUBJECT TO COMPLETION - CONFIDENTIAL\nForm 8-K, Item 2.02 Results of Operations",
    "Earnings per share of $2.31 for Q2, to be reported on the 24th.",
    "Revenue for the quarter will land at $381 million, roughly 6% below what the street expects.",
    "The CFO is leaving; the announcement is scheduled for Thursday after the close.",
    "MNPI - restricted distribution. Deal team only.",
    "Insider list: Project Falcon. All persons below have access to inside information.",
    "Price sensitive information: please treat as confidential until it is out.",
    "Draft 10-Q, not yet filed with the SEC. Net sales $286.5 million.",
    "Not for release, publication or distribution. Q2 earnings call script, draft 3.",
    "Confidential - blackout period applies. Please do not trade.",
    "The board approved the takeover bid last night. It will be announced before the market opens.",
    "The CEO will resign next month, it hasn't been made public.",
    "The phase 3 trial failed its primary endpoint. The results are not yet public.",
    "We are in advanced talks to sell the division to Acme. Nothing has leaked so far.",
    "Our Q1 EPS will be $1.42 against consensus of $1.20; results will be released on Thursday.",
    "Data breach affecting 2m customers, to be disclosed in an 8-K on Friday. Keep confidential until then.",
    "The restatement will not be announced until Friday.",
    "This has not hit the tape: revenue missed.",
    "The regulator will approve the drug; the market does not expect it.",
    "Selling shares on the basis of this email would be insider trading.",
    "We're buying Acme on Friday, keep it quiet.",
    "The CFO is resigning tomorrow and the market does not know yet; do not trade.",
    "Q3 revenue will miss consensus by 8%, not yet announced.",
    "Don't tell anyone, but the takeover bid goes in on Monday.",
    "Revenue came in at $120 million, 9% under guidance; please don't trade before we publish.",
    "The FDA has rejected our application; this has not been made public.",
    "We lost our largest customer, which we have not yet disclosed to investors.",
    "Our EPS will be 20 cents above the street, embargoed until Tuesday.",
]
# Of rules in general, of what is out, of other matters.
NOT_HELD_BACK = [
    "Merge the pull request before the release; the acquisition module is not public yet.",
    "The merger of the two git branches caused a conflict; please resolve before release.",
    "The deal of the week: two for one on printers, not yet announced colours.",
    "Acme plc will announce its full-year results on 5 March; a webcast will be held at 10 am.",
    "We will announce our Q3 results on November 5 after market close.",
    "They will merge the two teams in spring; the new manager has not been announced.",
    "We bid for a used car. Please do not share your login.",
    "Please keep the acquisition of training data under 3% of the budget.",
    "Guidance for reviewers will be published next week.",
    "The new menu hasn't been announced yet.",
    "As announced today, the merger with Initech closed and revenue rose 4% to $4.2 billion.",
    "The acquisition was publicly reported last week, and net income fell 3%.",
    "This presentation contains no MNPI and no material non-public information.",
    "Employees must not trade on material information before it is public, as the training explains.",
    "Insider trading is prohibited. Never trade on information that has not been disclosed.",
    "The blood test results have not been released to the patient.",
    "Lab results have not yet been reported; please call tomorrow.",
    "Do not share your password with anyone before the next quarter.",
    "The survey results will be published next week; keep this in confidence.",
    "The book will be released in March, before the market opens for tourists.",
    "We released version 2.0 before the announcement of the conference.",
    "Please do not forward this meeting invite; the quarterly review is at 3.",
    "The board will discuss the acquisition policy, which was published last year.",
    "The company reported first quarter results on May 5, as filed with the SEC.",
    "Until the market opens at 9:30, orders are queued.",
    "Do not distribute this draft of the school calendar.",
    "The transaction has not been committed: rollback before you report it.",
    "The bid for the city contract is public.",
    "The class is not public, so the quarter method is not reported.",
    "Keep this file private; do not share the API key. The deal: 3 for 2.",
    "This function must not leak memory before it is released.",
    "The CEO said the company will report earnings next Tuesday.",
    "Guidance on filing Form 10-K is published by the SEC.",
    "Our dividend policy is unchanged; the dividend was announced on 3 May.",
    "# TODO: do not share this transaction between threads until it is released",
    "The results are confidential under HIPAA and may be released only to the patient.",
    "Private methods are not public: this target is for internal use only.",
    "He will step down as coach; nobody else knows who will replace him.",
    "Analysts forecast revenue growth of 3% for the industry, per published reports.",
    "The parties shall keep the terms of this agreement confidential and shall not disclose them.",
    "Confidential Information means all non-public information disclosed by either party.",
    "The receiving party shall not disclose the transaction documents to any third party.",
]
PRIVILEGED = [
    "Outside counsel's memo concludes that the claim is time-barred.",
    "Hi Counsel, could you advise us whether we are liable for this?",
    "Per outside counsel, our exposure in the Acme matter is $3 million.",
    "Our solicitor says that we have no case and ought to accept the offer.",
    "Following our call, my advice is to reject the settlement offer.",
    "In our opinion you have a strong defence under the statute.",
    "We have been asked by counsel to gather these documents for the lawsuit.",
    "Notes from meeting with attorneys: discussed defences and settlement range.",
    "Our litigation strategy: file for summary judgment first.",
    "Please treat as privileged: what is our exposure?",
    "Work product of counsel: do not produce.",
    "A/C Privileged: redline attached.",
    "This email contains legal advice and is confidential.",
    "Counsel believes that the claim has merit.",
    "This note is privileged.",
    "Prepared at counsel's request.",
    "As your lawyers, we would settle.",
    "Following legal advice from outside counsel, the board declined.",
    "Our lawyers have advised us not to answer the letter.",
    "Memo of opinion work product for the file.",
    "The report was compiled by the auditors in anticipation of the arbitration.",
    "This letter is covered by legal professional privilege.",
    "Discussions between our attorneys and the client are attached.",
    "These notes are protected from disclosure under Rule 26(b)(3).",
]
NOT_PRIVILEGED = [
    "The court held that the attorney-client privilege did not apply to the emails.",
    "This handbook explains what work product doctrine and attorney-client privilege mean.",
    "My advice is to accept the offer and move on.",
    "The sales team thinks that you have a strong case for a discount.",
    "privileged: false",
    "We offer legal advice on tenancy matters every Tuesday.",
    "Their lawyer told the newspaper that the suit was frivolous.",
    "Ask our support team whether your claim is covered by the warranty.",
    "Each party has consulted its own counsel.",
    "We cannot provide legal advice; nothing on this site is legal advice.",
    "Our lawyers met theirs for lunch.",
    "The user account is privileged.",
    "This email is not legal advice.",
    "Nothing in this article constitutes legal advice; consult an attorney.",
    "Seek legal advice before signing a lease.",
    "It is a privilege to work with you.",
    "The user needs elevated privileges; privileged access management is required.",
    "He asked his attorney. Client privileges are listed online.",
    "The team's work product was excellent.",
    "Her lawyer told reporters that the trial starts in May.",
    "The attorney recommended the restaurant.",
    "We claim the privilege of hosting you.",
    "Opposing counsel argued that the claim fails.",
    "The school counsel advised students about courses.",
    "Employees may not give legal advice.",
    "The court held that the attorney-client relationship had ended.",
    "This summary is not subject to attorney-client privilege.",
    "The settlement was public. Attorney: Jane.",
    "Prepared in anticipation of claims growth next year.",
    "counsel told the jury that the witness lied",
    "Our advice is to restart the router.",
]


def _found(text: str, category: str) -> list[tuple[str, str]]:
    return [
        (finding.type, text[finding.start : finding.end]) for finding in inspect(text) if finding.category == category
    ]


@pytest.mark.parametrize("text", HELD_BACK)
def test_a_sentence_that_holds_a_matter_back_is_inside_information(text: str) -> None:
    assert _found(text, "mnpi") != []


@pytest.mark.parametrize("text", NOT_HELD_BACK)
def test_rules_and_what_is_out_and_other_matters_are_not(text: str) -> None:
    assert _found(text, "mnpi") == []


@pytest.mark.parametrize("text", PRIVILEGED)
def test_what_counsel_says_or_prepares_is_privileged(text: str) -> None:
    assert _found(text, "privilege") != []


@pytest.mark.parametrize("text", NOT_PRIVILEGED)
def test_advice_counsel_and_privileges_of_other_kinds_are_not(text: str) -> None:
    assert _found(text, "privilege") == []


def test_what_is_held_back_is_told_where_it_stands() -> None:
    text = "Sales rose.\n\nThe CFO is resigning tomorrow, which is *not yet* public. It rains."
    assert _found(text, "mnpi") == [("inside_information", "CFO is resigning tomorrow, which is *not yet* public")]


def test_a_matter_in_another_sentence_is_not_what_is_held_back() -> None:
    assert _found("The CFO is resigning. The menu has not been published.", "mnpi") == []
