"""Sentences that mark inside information or privilege, and those that only use the same words.

Measured by document: a document that holds one is to be found by its category, one that holds none is not.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.inspection_quality.documents import Draw, Maker, Value

_MARKED: Mapping[str, tuple[str, ...]] = {
    "inside_information": (
        "This memo contains material non-public information.",
        "Please treat what follows as MNPI and do not trade.",
        "You are now a restricted insider; the trading window is closed for you until further notice.",
        "CONFIDENTIAL - contains material nonpublic information, do not forward.",
        "Everyone on this thread has been added to the insider list for the project.",
        "The contents are price-sensitive and have not been made public.",
        "As this is inside information under MAR Article 7, disclosure is unlawful.",
        "We are in a blackout period because of the information in this document.",
        "Trading on this information before it is public would be insider trading.",
        "Strictly confidential: contains inside information within the meaning of the Market Abuse Regulation.",
        "This information is material and has not been disclosed to the public.",
        "Do not buy or sell our stock until this becomes public.",
    ),
    "unannounced_deal": (
        "We have signed a confidential term sheet to acquire Halvorsen Systems; the deal has not been announced.",
        "The proposed merger with Brightline is not yet public, so please keep it within the deal team.",
        "Our unannounced acquisition of the Dutch subsidiary should close in six weeks.",
        "Project Falcon: the board approved the takeover bid, to be announced on Monday.",
        "We intend to launch a tender offer for all outstanding shares before the market learns of it.",
        "The buyer will pay a 32% premium; until the announcement the transaction remains strictly confidential.",
        "Talks to sell the division to a competitor are at an advanced stage and have not been disclosed.",
        "Draft press release for the acquisition, under embargo until signing.",
        "Nobody outside the deal team knows that we are buying Orrin Labs next month.",
        "The pending acquisition of Vantage has not been publicly disclosed.",
    ),
    "unreleased_results": (
        "Preliminary results, not yet released: revenue fell 12% and we will miss guidance.",
        "These figures are unaudited and have not been released to the market.",
        "We will beat consensus by four cents when we report next week; keep this to yourself.",
        "Draft earnings release - embargoed until the call on Thursday.",
        "Ahead of the announcement: EPS comes in at $1.42 against guidance of $1.20.",
        "Unreleased quarterly numbers are attached; do not share before the earnings call.",
        "The guidance cut will be disclosed only with the results.",
        "Non-public: fourth-quarter revenue will be $482 million, well above consensus.",
        "Before we publish, note that net income for the quarter is down 30%.",
        "The results below are confidential until they are filed with the SEC.",
    ),
    "attorney_client": (
        "ATTORNEY-CLIENT PRIVILEGED COMMUNICATION",
        "Privileged & Confidential: Attorney-Client Communication",
        "This message is protected by the attorney-client privilege.",
        "This e-mail is a confidential communication between a lawyer and her client and is privileged.",
        "Subject to solicitor-client privilege; do not disclose.",
        "Attorney/Client Privileged - do not produce.",
        "The communication below is covered by legal professional privilege.",
        "PRIVILEGED AND CONFIDENTIAL - COMMUNICATION WITH COUNSEL",
        "This thread is attorney-client privileged, please do not forward it.",
        "Legally privileged and confidential; if you are not the client, delete this.",
        "Confidential communication from counsel - attorney client privilege applies.",
        "Please keep this between us and our attorneys, it is privileged.",
    ),
    "legal_advice": (
        "You asked for our legal advice on the termination clause; our advice is to settle.",
        "In our opinion as your counsel, the claim is unlikely to survive a motion to dismiss.",
        "Prepared at the request of the general counsel for the purpose of obtaining legal advice.",
        "Our lawyers advise us not to disclose the defect before the hearing.",
        "Counsel advised that we are exposed to liability and should not put this in writing.",
        "We are seeking legal advice from outside counsel on whether the transfer was lawful.",
        "As your attorneys, we recommend that you reject the offer.",
        "Per advice of counsel, please preserve all documents relating to the dispute.",
    ),
    "work_product": (
        "ATTORNEY WORK PRODUCT",
        "Prepared in anticipation of litigation.",
        "This memorandum is protected by the work product doctrine.",
        "Attorney Work Product - Prepared in Anticipation of Litigation",
        "Notes prepared by counsel in contemplation of the lawsuit; protected work product.",
        "Our mental impressions of the witness, prepared for trial, are work product.",
        "Trial preparation materials, protected from discovery under Rule 26(b)(3).",
        "Privileged: attorney work-product, draft of counsel.",
        "CONFIDENTIAL WORK PRODUCT - PREPARED BY COUNSEL FOR LITIGATION",
        "This analysis was prepared by our litigation team in anticipation of the arbitration.",
        "Interview notes of counsel, opinion work product.",
        "Created at the direction of counsel because of the pending lawsuit.",
    ),
}

HARMLESS_MNPI = (
    "As announced today, the company completed its acquisition of the plant in Ohio.",
    "The merger was approved by shareholders last year and closed in the spring.",
    "In its press release the company reported revenue of {money} for {quarter}.",
    "A merger of the two databases is planned for the next sprint.",
    "The results published this morning were in line with consensus.",
    "We publicly announced the guidance of {money} in our last annual report.",
    "Confidential treatment of the paper bins is the duty of facility management.",
    "Material changes to the accounting policies are described in note {count}.",
    "The tender for the new roof was won by a local firm.",
    "Insiders filed their Form 4 with the SEC, and it is public.",
    "The quarterly earnings call was webcast and a replay is on the website.",
    "Revenue, as reported in the 10-Q, rose by {money}.",
)

HARMLESS_PRIVILEGE = (
    "It was a privilege to work with your team.",
    "The contract is confidential between the parties and binds their successors.",
    "Only a privileged user may restart the service.",
    "Please consult an attorney if you are unsure; nothing here is legal advice.",
    "The court held that the privilege had been waived when the memorandum was published.",
    "The attorney for the plaintiff filed a motion under {citation}.",
    "Run the container without --privileged.",
    "Our work on the product is nearly done, and counsel for the city spoke at the launch.",
    "The confidential data must be encrypted at rest.",
    "Shooting privileges are granted by the landowner.",
    "A lawyer joined us for lunch; we did not talk shop.",
    "The defendant's counsel was served on time.",
)


def _make_marked(kind: str) -> Maker:
    def make(draw: Draw) -> Value:
        return Value(draw.wording(_MARKED[kind]), kind)

    return make


MARKER_MAKERS: Mapping[str, Maker] = {
    **{kind: _make_marked(kind) for kind in _MARKED},
    "harmless_mnpi": lambda draw: (draw.wording(HARMLESS_MNPI),),
    "harmless_privilege": lambda draw: (draw.wording(HARMLESS_PRIVILEGE),),
}
