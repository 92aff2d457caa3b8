"""Earnings drafts: releases, board memos, analyst notes, what the investor relations desk writes."""

OPENINGS = (
    "QUARTERLY RESULTS {quarter}\n\n",
    "To: Audit Committee\nFrom: {name}\nDate: {date}\nSubject: {quarter} close\n\n",
    "PRESS RELEASE\n{date}\n\n",
    "Board memo, {quarter}\n",
    "Analyst note\n{date}\n",
    "Talking points for the call ({quarter})\n",
    "Treasury update\n\n",
    "Form 10-Q draft {version}\n",
)

SENTENCES = (
    "The quarter ended {date}.",
    "Investor relations: {name}, {us_phone}, {email}",
    "The annual meeting takes place on {date} at {address}.",
    "Dividend payable {date} to holders of record on {date}.",
    "Media contact: {name}\n{phone}\n{email}",
    "A webcast is available at {url}.",
    "Wire the fee to {iban}.",
    "Settlement account {iban} at the paying agent.",
    "Corporate card {card} was charged for the venue.",
    "{account} holds the escrow.",
    "Principal offices: {address}",
    "Our German office, {foreign_address}, is closed.",
    "Dial-in: {foreign_phone}",
    "Dial in at {us_phone} ten minutes before the call.",
    "The chief executive, {plain_name}, will host.",
    "{titled_name} chairs the audit committee.",
    "Since {open_month} the plant runs at capacity.",
    "The covenant is tested on {yearless_date}.",
    "Payroll extract: {name}, {ssn}",
    "Option grant to {name}, {birth}, {national_id}",
    "The data room password was shared: {said_password}",
    "Please send questions to {email} by {date}.",
    "Proxy filed {date}.",
    "Lease for {address} expires {date}.",
    "Prepared by: {name}",
    "Contractor {itin}, paid {money}.",
    "Board portal: {url}",
    "Fleet disposal included {vin}.",
    "Fax signed copies to {us_phone}.",
    "Registered agent at {city_line}",
)

HARMLESS = (
    "Revenue was {money}, up {money} from {quarter}.",
    "Gross margin reached {money}.",
    "Diluted EPS of {money} against {money} a year ago.",
    "Net debt fell to {money}; leverage is 2.{count}x.",
    "Growth may slow in the second half, and march costs on.",
    "Operating expenses rose by {money} in fiscal {year}.",
    "See note {count} and pages {count}-{count}.",
    "{order} was delivered in {quarter}.",
    "Fiscal years {year} and {year}, as reported.",
    "Cash flow from operations: {money}",
    "The guidance range is {money} to {money}.",
    "Under {citation} no restatement was needed.",
    "Shares outstanding: {count},000; weighted 1,204,551,337.",
    "The ratio 1.25:1 was unchanged, as was 12/31 convention.",
    "ISIN US0378331005 and CUSIP 037833100 are quoted as an example.",
    "The model uses test card {not_luhn}, which is refused.",
    "Sample account {not_iban} in the template is not real.",
    "Headcount: {count}; attrition {money}.",
    "The segment's backlog of {count} units, model line {part}, grew.",
    "{harmless_mnpi}",
    "{harmless_mnpi}",
    "{harmless_privilege}",
    "Index moved from {count}.25 to {count}.75.",
    "EBITDA | {money} | {money} | {money}",
    "Software release {version} shipped on schedule.",
)

MARKED = (
    "{inside_information}", "{unannounced_deal}", "{unreleased_results}", "{unreleased_results}", "{unannounced_deal}",
)  # fmt: skip

CLOSINGS = ("", "{signature}", "Contact: {email}", "Source: company filings.", "{signature}\nChief Financial Officer")
