"""The words that announce an identity number, and which kind of number each announces."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.inspection.patterns import any_of

# "number" in its shapes: `MRN #`, `member_id`, `accountNumber`, `Chart No.`, `policy identifier`.
NUMBER = (
    r"(?:[ \t_.-]{0,2}(?:numbers?|num\.?|nbr\.?|no\.?|nr\.?|n°|identifiers?|identification(?:[ _](?:number|no\.?))?|"
    r"ids?(?:[ _](?:number|no\.?|num|code))?|ref(?:erence)?\.?(?:[ _](?:number|no\.?))?|#))"
)
_ENDING = (
    r"(?:[ \t]{1,2}(?:numbers?[ \t])?\(?(?:that[ \t])?(?:ending|ends|ended|last[ \t](?:four|4))"
    r"(?:[ \t](?:in|with|digits?))?\)?|[ :#]{1,3}(?:[*x]{2,16}|x)-?)"
)
_JOIN = r"[ \t_.-]?"


@dataclass(frozen=True)
class NumberLabel:
    """`expression` matches the label, whatever its case. `fewest_digits`: fewer make no number of this label."""

    type: str
    expression: str
    fewest_digits: int = 4
    takes_uuid: bool = False


def _labels(type_: str, *expressions: str, fewest_digits: int = 4, takes_uuid: bool = False) -> tuple[NumberLabel, ...]:
    return tuple(NumberLabel(type_, expression, fewest_digits, takes_uuid) for expression in expressions)


_RECORDS = (
    rf"(?:e?mrn|m\.r\.n\.|uhid|urn|hrn|umrn|ehr|emr|mpi|empi){NUMBER}?",
    rf"m\.?/?r\.?{_JOIN}(?:#|no\.?|num\.?|number)",
    rf"med(?:ical)?\.?{_JOIN}rec(?:ord)?s?\.?{NUMBER}?",
    rf"(?:health|hospital|clinic|clinical|unit|patient|dental|hosp|"
    rf"pt){_JOIN}(?:medical{_JOIN})?rec(?:ord)?s?\.?{NUMBER}",
    rf"records?{NUMBER}",
    rf"(?:hospital|hosp|chart|patient|pt\.?|inpatient|outpatient|unit){NUMBER}",
    rf"(?:encounter|visit|accession|admission|admit|specimen|sample|csn|fin|har|episode|requisition|prescription|rx|"
    rf"donor|lab|study|subject|participant|pathology){_JOIN}(?:subject|record|case)?{NUMBER}",
    rf"(?:pathology|surgical|autopsy|radiology|social work|medical examiner)[ _]case{NUMBER}",
)
_PLANS = (
    rf"(?:member|mem|subscriber|beneficiary|enrollee|enroll?ment|insured(?:'s)?|dependent(?:'s)?|va{_JOIN}file|policy|policyholder|policy{_JOIN}holder|plan|"
    rf"health{_JOIN}plan|"
    rf"insurance|ins|medicare|medicaid|medi-cal|tricare|chip|hmo|ppo|payer|coverage|certificate of coverage|"
    rf"health{_JOIN}(?:insurance|card|care)|insurance{_JOIN}(?:policy|card|member|group|plan)|plan{_JOIN}member|"
    rf"(?:blue cross|bcbs|aetna|cigna|humana|kaiser|anthem|unitedhealthcare|uhc)(?:[ ](?:member|policy|group|"
    rf"subscriber))?|"
    rf"insurance{_JOIN}claim|medical{_JOIN}claim|health{_JOIN}claim|prior{_JOIN}auth(?:orization)?){NUMBER}",
    r"hicn|mbi",
    rf"group/member{NUMBER}",
    rf"claim{NUMBER}",
    rf"rx{_JOIN}(?:grp|group|id)",
)
_ACCOUNTS = (
    rf"(?:bank{_JOIN}|checking{_JOIN}|savings{_JOIN}|brokerage{_JOIN}|patient{_JOIN}|hospital{_JOIN}|billing{_JOIN}|"
    rf"guarantor{_JOIN}|loan{_JOIN}|deposit{_JOIN}|current{_JOIN}|beneficiary{_JOIN}|customer{_JOIN}|client{_JOIN}|"
    rf"credit{_JOIN}|debit{_JOIN}|utility{_JOIN}|retirement{_JOIN}|escrow{_JOIN}|iolta{_JOIN})?"
    rf"(?:account|acct\.?|a/c|acc\.?){NUMBER}",
    rf"(?:customer|client|guarantor|loan|mortgage|employee|emp|staff|personnel|payroll|student|badge|membership|"
    rf"loyalty|"
    rf"frequent{_JOIN}flyer|pension|debit{_JOIN}card){NUMBER}",
    r"sort[ _-]?code|bsb(?:[ ](?:number|"
    r"code))?",
)
_LICENCES = (
    rf"(?:(?:driver'?s?|drivers'|driving|medical|nursing|nurse|pharmacy|pharmacist|physician|dental|"
    rf"professional|operator'?s?|"
    rf"rn|md|do|cna|lpn|pilot'?s?|state|cdl|contractor'?s?|attorney|law|real estate|teaching|marriage|fishing|hunting|"
    rf"psychology|board|bar|notary|firearms?|gun|concealed carry|cosmetology|cpa|dentist|midwife|paramedic|emt|"
    rf"therap(?:y|ist)|social work(?:er)?|veterinar(?:y|ian)|electrician'?s?|plumber'?s?|broker'?s?|realtor'?s?)"
    rf"{_JOIN}){{1,3}}"
    rf"(?:licen[sc]es?|lic\.?|permit|certificate|certification|registration){NUMBER}?",
    rf"(?:licen[sc]e|lic\.?|certificate|cert\.?|certification|permit){NUMBER}",
    rf"(?:d/l|d\.l\.|dln?|cdl|dea|npi|upin|ndea){NUMBER}?",
    rf"(?:dea|npi|upin){_JOIN}registration{NUMBER}?",
    rf"state{_JOIN}ids?{NUMBER}?",
    rf"(?:attorney|notary(?:{_JOIN}public)?(?:{_JOIN}commission)?){NUMBER}",
    rf"(?:sbn|ptan|clia){NUMBER}?",
    rf"(?:state[ ])?bar{NUMBER}",
    rf"national{_JOIN}provider{_JOIN}(?:id(?:entifier)?|number)(?:{_JOIN}\(npi\))?{NUMBER}?",
)
_VEHICLES = (
    rf"(?:licen[sc]e|lic\.?|number|vehicle|registration|reg\.?|car|index){_JOIN}(?:plates?|tags?){NUMBER}?",
    rf"plates?{NUMBER}?",
    rf"(?:vehicle|car|motor){_JOIN}(?:registration|reg\.?){NUMBER}?",
    rf"registration{NUMBER}",
    rf"(?:vehicle{_JOIN})?tag{NUMBER}",
    rf"(?:vin|chassis){NUMBER}?",
    rf"vehicle{_JOIN}(?:identification{_JOIN}|id{_JOIN})?{NUMBER}",
)
_DEVICES = (
    rf"(?:device|implant|implanted device|pacemaker|icd|aicd|pump|infusion pump|insulin pump|stent|prosthesis|"
    rf"generator|"
    rf"ventilator|monitor|glucose monitor|cgm|defibrillator|hearing aid|lead|equipment|handset|phone|laptop|"
    rf"tablet|asset|"
    rf"catheter|valve|loop recorder|neurostimulator|cochlear implant|machine){_JOIN}"
    rf"(?:serial(?:{_JOIN}number|{NUMBER})?|s/n|sn|udi|imei)(?:{NUMBER})?",
    rf"(?:device|implant|implanted device|pacemaker|prosthesis){NUMBER}",
    rf"serial{NUMBER}",
    r"(?:s/n|sn|imei(?:/meid|sv)?|meid|esn|iccid|imsi|udi(?:-d?pi|-di)?)(?:[ _](?:number|no\.?|#))?",
    r"unique device identif(?:ier|ication)(?: number)?",
)
_BIOMETRICS = (
    rf"(?:biometrics?|(?:finger|thumb|palm|hand|voice|face|foot){_JOIN}?prints?|finger(?:{_JOIN}?vein)?|"
    rf"retinal?|iris|face|facial|"
    rf"voice|gait|dna){_JOIN}(?:(?:scan|template|record|sample|profile|recognition|enrol?lment|image|file|print|"
    rf"identity|"
    rf"geometry|signature){_JOIN}?)?(?:{NUMBER}|hash|code)",
    rf"(?:biometric|fingerprint|thumbprint|palm{_JOIN}?print|retinal?|iris|facial|faceprint|voice{_JOIN}?print){_JOIN}"
    r"(?:template|hash|scan|profile|record)",
)

# With no word for "number" after them.
_BARE_BIOMETRICS = (
    rf"(?:(?:finger|thumb|palm|voice|face){_JOIN}?prints?|fac(?:e|ial){_JOIN}(?:id{_JOIN})?template|hand{_JOIN}geometry|"
    rf"(?:gait|dna){_JOIN}profile){NUMBER}?"
)

# What sounds like one of the labels below and announces the number of something else.
_OTHERS = (
    rf"(?:company|corporate|business|vat|tax|trade[ ]?mark|copyright|charity|commercial) (?:registration|"
    rf"account|certificate){NUMBER}",
    r"(?:gl|general ledger|chart of|service|ledger|system) accounts?",
    rf"(?:savings|plan|policy|retirement) plan[ ](?:version|revision){NUMBER}?",
)

# A label is read as the first kind that knows it.
NUMBER_LABELS: tuple[NumberLabel, ...] = (
    *_labels("", *_OTHERS),
    *_labels("account_number", rf"(?:bank[ ]|checking[ ]|savings[ ])?(?:account|acct\.?|a/c){_ENDING}"),
    *_labels("biometric_id", *_BIOMETRICS),
    *_labels("biometric_id", _BARE_BIOMETRICS, fewest_digits=5),
    *_labels("device_id", *_DEVICES),
    *_labels("vehicle_id", *_VEHICLES, fewest_digits=1),
    *_labels("device_id", "serial", fewest_digits=6),
    *_labels("passport_number", rf"passport{NUMBER}?", fewest_digits=6),
    *_labels(
        "passport_number",
        rf"(?:alien(?: registration)?|uscis|visa|green card|(?:permanent )?resident card|travel document){NUMBER}",
        r"a-number",
        fewest_digits=7,
    ),
    *_labels("licence_number", *_LICENCES),
    *_labels("licence_number", r"licen[sc]e[ ]?:", fewest_digits=5),
    *_labels("account_number", *_ACCOUNTS),
    *_labels(
        "account_number", r"(?:routing|aba|rtn|transit)(?:[ _](?:routing|transit))?" + NUMBER + "?", fewest_digits=9
    ),
    *_labels("medical_record_number", *_RECORDS, takes_uuid=True),
    *_labels("health_plan_number", *_PLANS, takes_uuid=True),
    *_labels("health_plan_number", r"medicare(?:[ ]card)?|medicaid|policy|insurance", fewest_digits=6),
    *_labels("health_plan_number", rf"ohip{NUMBER}?|(?:health|insurance)[ ]card", fewest_digits=6),
    *_labels(
        "health_plan_number", r"(?:subscriber|member|insured|beneficiary|enrollee|group|grp)[ ]?:", fewest_digits=6
    ),
    *_labels("medical_record_number", r"(?:chart|specimen|accession|encounter|patient|pt)[ ]?:", fewest_digits=5),
    *_labels("health_plan_number", rf"(?:group|grp)\.?{NUMBER}", fewest_digits=5),
    *_labels("account_number", r"(?:bank[ ]|checking[ ]|savings[ ])?(?:account|acct\.?|a/c)", fewest_digits=6),
)
ANY_LABEL = any_of([label.expression for label in NUMBER_LABELS])
