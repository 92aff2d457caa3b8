"""What stands before and after the names of persons, and how names are written. Group 1 is where a name begins."""

from __future__ import annotations

from compliance.inspection.detectors.name_words import DOUBTFUL_GIVEN_NAMES, GIVEN_NAMES
from compliance.inspection.patterns import Pattern, any_of

_UPPER = "A-ZÀ-ÖØ-Þ"
_LETTER = "A-Za-zÀ-ÖØ-öø-ÿ"
_PARTICLE = r"(?:van|von|den|der|della|del|dos|das|de|da|di|du|la|le|bin|al|el|ter|zu|y)\b"
_TOKEN = rf"[{_UPPER}](?:[{_LETTER}]+(?:['-][{_LETTER}]+){{0,2}}|'[{_LETTER}]+(?:-[{_LETTER}]+)?)"
_INITIAL = rf"[{_UPPER}](?:\.(?:[{_UPPER}]\.)?)?"
_PART = rf"(?:St\.|{_TOKEN}|{_INITIAL}|{_PARTICLE})"
NAME = rf"(?:{_PARTICLE}[ \t]|St\.[ \t]|[OÓ][ \t]){{0,2}}(?:{_TOKEN}|{_INITIAL})(?:[ \t]{{1,2}}{_PART}){{0,4}}"
REVERSED = (
    rf"(?:{_PARTICLE}[ \t]|St\.[ \t]|[OÓ][ \t]){{0,2}}{_TOKEN}(?:[ \t]{_TOKEN})?,[ \t]?{_TOKEN}(?:[ \t]"
    rf"(?:[{_UPPER}]\b\.?|{_TOKEN}))?"
)
_BEGINS = (
    rf"([{_UPPER}]|(?:van|von|den?|di|da|della|al|el|ter|ten|du|le|la|dos|das|zu|bin|ibn)[ \t]"
    rf"(?:de[rn]?[ \t]|la[ \t])?[{_UPPER}])"
)

_ABBREVIATED = (
    r"(?:[Dd]rs?|DR|[Mm]r|MR|[Mm]rs|MRS|[Mm]s|MS|Mx|[Pp]rof|PROF|Rev|Hon|Sgt|Capt|Lt|Col|Maj|Gen|Det|Sen|Rep|Gov"
    r"|Messrs"
    r"|Sra|Srta|Dott|Cpl|Atty|Ofc)"
)
_WRITTEN_OUT = (
    r"(?:Dr|Mr|Mrs|Ms|Mx|Prof|Mme|Mlle|Herrn?|Frau|Monsieur|Madame|Señora?|Signora?|Doctor|Professor|Miss|Mister"
    r"|Nurse"
    r"|Judge|Attorney|NP|RN|LPN|PA-C)"
)
TITLE = rf"(?:{_ABBREVIATED}\.[ \t]{{0,2}}|{_WRITTEN_OUT}[ \t]{{1,2}}|(?:Justice|Officer|Detective|Captain)[ \t])"
_TITLES = rf"(?:{TITLE}){{0,2}}"
TITLES = Pattern(
    rf"\b(?:{_ABBREVIATED}\.[ \t]{{0,2}}(?:\n[ \t]{{0,8}})?|{_WRITTEN_OUT}[ \t]{{1,2}})(?:{TITLE})?{_BEGINS}"
)

_SEPARATOR = (
    rf"(?:</[a-z]+>)?[\"'*]{{0,2}}[ \t]*(?:[:=|]|-[ \t]|#[ \t]*:)(?:</[a-z]+>)?"
    rf"[*\"']{{0,2}}[ \t]*(?:\n[ \t]*)?[\"'(]?{_TITLES}"
)
LABELS = Pattern(
    r"(?:/[sS]/[ \t]{0,3}|\b(?:(?i:(?:patient|pt|client|member|employee|customer|resident|legal|mother|father"
    r"|spouse|provider|doctor|contact"
    r"|nominee|witness|student|applicant|account holder|cardholder|guarantor|insured)(?:'s)?(?:[ _-]full)?[ _-]?name"
    r"|(?:full|first|last|middle|given|family|maiden|preferred|other)[ _-]?name|surname"
    r"|name de[sr] [a-z]{4,16}|nom(?: et pr[ée]noms?| de famille)?|pr[ée]noms?|vorname|nachname|familienname"
    r"|nombre(?: y apellidos?)?|apellidos?|cognome|achternaam|voornaam|next[ _]of[ _]kin|nok"
    r"|emergency[ _]contact|guarantor|insured|subscriber|policy ?holder|spouse|wife|husband|mother|father|guardian"
    r"|son|daughter|sister|brother|partner|caregiver|parent|care ?taker"
    r"|(?:attending|referring|treating|primary care|ordering|admitting|consulting|supervising|responsible|signing)"
    r"(?: (?:physician|provider|doctor|md|clinician|surgeon|nurse|therapist))?|(?:assistant |lead "
    r"|primary )?surgeon|physician"
    r"|pcp|clinician|radiologist|pathologist|anesthesiologist|therapist|psychologist|psychiatrist|social worker"
    r"|case manager"
    r"|patient|(?:signed|dictated|reviewed|prepared|authored|witnessed|seen|examined|referred|approved|submitted"
    r"|ordered"
    r"|performed|reported|entered|transcribed|verified|notarized|drafted|requested|completed|interviewed|administered"
    r"|collected|received|assigned|written|recorded|presented|certified)[ _](?:by|to)(?:/[a-z]{2,10})?"
    r"|print(?:ed)? name"
    r"|electronically signed(?: by)?|e-signed(?: by)?|plaintiff|defendant|petitioner|respondent|claimant|affiant"
    r"|deponent"
    r"|decedent|testator|executor|trustee|grantor|beneficiary|opposing counsel|counsel(?: for [a-z]{4,12})?|paralegal"
    r"|attorneys?(?: for [a-z]{4,12})?)"
    rf"|Pt|PT|Client|CLIENT|Resident|Employee|EMPLOYEE){_SEPARATOR})(?:{_TITLES}){_BEGINS}"
)
GREETINGS = Pattern(
    r"(?i:\b(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening)|morning|thanks|thank you"
    r"|cheers)(?: there)?,?[ \t])"
    rf"({NAME})[,!.:?]*[ \t]*(?:\n|[,!?:]|$)"
)
ELEMENTS = Pattern(
    r"(?i:<(?:[a-z]{1,12}:)?(?:(?:first|last|full|given|family|middle|maiden|patient|customer|contact|person)[_-]?name"
    rf"|surname|forename)(?: [^<>\n]{{0,80}})?>)[ \t]{{0,8}}({NAME})[ \t]{{0,8}}</"
)
# A line of its own above a letter's text, or with a dash below it.
ADDRESSED = Pattern(rf"(?:^|\n)({_TOKEN}(?:[ \t]{_TOKEN})?),[ \t]*\r?\n[ \t]*\r?\n")
SIGNED = Pattern(rf"\n[ \t]*\r?\n--?[ \t]?({_TOKEN}(?:[ \t]{_TOKEN})?)[ \t]*(?:\r?\n[ \t]*\r?\n|\s*$)")
WEAK_LABELS = Pattern(
    r"(?:\n--[ \t]?\n?|\b(?:(?i:name|client|employee|member|contact(?: person)?|assistant|an(?:a)?esthesia"
    r"|scribe|provider|author|witness(?:es)?"
    r"|nurse|doctor|customer|caller"
    r"|sender|recipient|reviewer|approver|owner|assignee|reporter|manager|supervisor|agent|speaker|moderator|operator"
    r"|host|chair(?:man|woman|person)?|director|president|secretary|treasurer|analyst|tenant|landlord|borrower|buyer"
    r"|seller|lender|applicant|candidate|student|teacher|driver|victim|complainant|attendees?|present|participants?"
    r"|attention|attn|subject|interpreter|technician|resident|consultant|officer|investigator|custodian|user"
    r"|maintainer"
    r"|account holder|cardholder|payee|payer|beneficiaries|trader|broker|insider|auditor|partner|associate|c[efot]o"
    r"|general counsel|chief [a-z]+ officer|cc|bcc|from|to|by|signed|signature|regarding|re)"
    rf"){_SEPARATOR})(?:{_TITLES}){_BEGINS}"
)
ROLES = Pattern(
    r"(?:^|[^A-Za-z0-9_-])(?i:patient|pt\.?|client|resident|claimant|defendant|plaintiff|petitioner|respondent"
    r"|appellant|witness|employee"
    r"|officer|colleague|associate|attorney|lawyer|counsel|nurse|physician|surgeon|therapist|professor|analyst"
    r"|manager"
    r"|director|supervisor|engineer|secretary|custodian|tenant|landlord|borrower|applicant|candidate|customer|caller"
    r"|user|student|teacher|driver|chair(?:man|woman)?|president|chief executive|c[efot]o|detective|sergeant"
    r"|lieutenant"
    r"|captain|justice|senator|reverend|pastor|rabbi|father|sister|magistrate|executor|trustee|beneficiary|decedent"
    r"|investigator|interpreter|roommate|neighbou?r|friend|cousin|aunt|uncle|nephew|niece|grandmother"
    r"|grandfather|wife"
    r"|husband|spouse|mother|son|daughter|brother|guardian|fianc[ée]e?|girlfriend|boyfriend|partner|caregiver|founder"
    r"|(?:signed|dictated|reviewed|prepared|authored|witnessed|seen|examined|referred|approved|submitted|ordered"
    r"|performed|represented|deposed|accompanied|contacted|evaluated|treated|assisted|written|owned|reported"
    r"|supervised) by"
    r"|on behalf of|in favou?r of|met with|spoke (?:with|to)|talked (?:with|to)|speak (?:with|to)|discussed with"
    r"|letter to"
    r"|(?:copy|copied|forwarded|sent|addressed|assigned|referred|delivered|belongs|payable|according|issued"
    r"|transferred) to"
    r"|named|called|the late|care of|c/o|behalf of|contact|ask for|between|meeting with|call with"
    r"|interview(?:ed)? with"
    r"|this is|i am|i'm|goes by|also known as|aka|a/k/a|n[ée]e|email from|message from|heard from|note from"
    r"|letter from|mr\. and mrs\."
    rf"),?(?:[ \t]named|[ \t]is|[ \t]was)?[ \t]{{1,2}}(?:{_TITLES}){_BEGINS}"
)
LETTER_WORDS = Pattern(
    r"(?:(?i:(?:\b(?:his|her|their|my|the|our|patient's|pt's)|'s) (?:wife|husband|spouse|partner|mother|father"
    r"|son|daughter"
    r"|brother|sister|guardian|mom|dad|aunt|uncle|niece|nephew|grandson|granddaughter)"
    r"|\b(?:patient|his|her|my|whose)(?:'s)? name is|\bje m'appelle|\bmon nom est|\bmein name ist|\bich hei(?:ß|ss)e"
    r"|\bme llamo|\bmi nombre es|\bmi chiamo|\bil mio nome [eè]|\bmeu nome [eé]|\bmijn naam is"
    r"|\bdear),?[ \t]{1,2}|\bI,[ \t]"
    r"|(?i:\b(?:sincerely(?: yours)?|(?:best|kind|warm|kindest|warmest)(?: regards| wishes)?|regards|yours (?:truly"
    r"|sincerely|faithfully)|very truly yours|respectfully(?: submitted| yours)?|cheers|thanks|thank you|many thanks"
    r"|cordially|love|best wishes|mit freundlichen gr(?:ü|ue)(?:ß|ss)en|cordialement)[,.!]?[ \t]*(?:\n\s{0,4}){1,4}"
    rf"(?:/s/[ \t]*)?))(?:{_TITLES}){_BEGINS}"
)
DEGREES = Pattern(
    rf"\b({NAME}),?[ \t]{{1,2}}(?:M\.?D\.?|D\.O\.|DO|R\.?N\.?|LPN|N\.?P\.?|PA-C|Ph\.?D\.?|Esq(?:uire)?\.?"
    rf"|D\.?D\.?S\.?|PharmD"
    r"|CRNP|FNP(?:-[A-Z]{1,2})?|DNP|APRN|ARNP|BSN|MSN|DPM|DVM|DPT|OTR/L|LCSW|LMFT|LPC|PsyD|Psy\.D\.|J\.?D\.|JD"
    r"|CPA|CFA|MSW"
    r"|MPH|MBBS|FACS|FACP|FACC|CNM|CRNA|CNA|RRT|RDN?|AuD)(?:[^A-Za-z]|$)"
)
AFTER_NAME = Pattern(
    rf"\b({NAME}),?[ \t](?:\(?(?:SSN|DOB|D\.O\.B\.|MRN|ssn|dob|mrn|born|date of birth|[Aa]ge[d:]?[ ][0-9]"
    r"|an? [0-9]{1,3}[- ](?:year|yr|y/o|yo|month)|is an? [0-9]{1,3}[- ](?:year|yr|y/o|yo|month)"
    r"|[0-9]{1,3} ?(?:y/?o\b|yo\b|years old)|(?:(?:lives|resides|residing) (?:at|in)|was (?:born|employed) )\b)"
    r"|<[A-Za-z0-9_.+-]+@|\([A-Za-z0-9_.+-]+@|\((?:[Pp]laintiff|[Dd]efendant|\"?[Tt]he \"?)"
    r"|(?:[Cc]hief (?:[Ee]xecutive|[Ff]inancial|[Oo]perating|[Tt]echnology|[Ll]egal|[Mm]edical) [Oo]fficer"
    r"|C[EFOT]O|[Gg]eneral [Cc]ounsel)\b)"
)
_TIME = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: ?[AaPp]\.?[Mm]\.?)?"
_SPOKEN = rf"({_TOKEN}(?:[ \t](?:{_PART})){{0,3}})"
TIMED_SPEAKERS = Pattern(
    rf"(?m:^)[ \t>*-]{{0,4}}[\[(]?(?:[0-9./-]{{6,10}},?[ T])?{_TIME}[\])]?[ \t]?[,|-]?[ \t]{{1,2}}"
    rf"[<@*]{{0,2}}{_SPOKEN}(?:[ \t]\([A-Za-z ]{{2,20}}\))?[*]{{0,2}}[:>]"
)
SPEAKERS = Pattern(
    rf"(?m:^)[ \t>*-]{{0,4}}[<@*]{{0,2}}{_SPOKEN}(?:[*]{{0,2}}(?::|>)|,?[ \t][\[(]?{_TIME}[\])]?(?::|[ \t]*\n"
    rf"|[ \t]-))"
)

# The lists are without accents, and names are found with and without them.
_ACCENTED = str.maketrans(
    {"a": "[aàáâãäå]", "c": "[cç]", "e": "[eèéêë]", "i": "[iìíîï]", "n": "[nñ]", "o": "[oòóôõöø]", "u": "[uùúûü]"}
    | {"A": "[AÀÁÂÃÄÅ]", "E": "[EÈÉÊË]", "I": "[IÌÍÎÏ]", "O": "[OÒÓÔÕÖØ]", "U": "[UÙÚÛÜ]"}
)
_GIVEN_NAMES = any_of(
    sorted((name.title().translate(_ACCENTED) for name in GIVEN_NAMES | DOUBTFUL_GIVEN_NAMES), key=len, reverse=True)
)
GIVEN = Pattern(rf"\b({_GIVEN_NAMES}(?:-{_TOKEN})?[ \t]{{1,2}}(?:{_PART}[ \t]{{1,2}}){{0,3}}{_TOKEN})")
# An initial and a surname, or a surname before a given name, after any label at all.
SHAPES = Pattern(
    rf"[a-z]{{2}}\)?:[ \t]{{1,4}}((?:[{_UPPER}]\.[ \t]?){{1,2}}(?:{_PARTICLE}[ \t]){{0,2}}{_TOKEN}"
    rf"|{_TOKEN},[ \t]{_GIVEN_NAMES}\b(?:[ \t][{_UPPER}]\.?)?)"
)
INITIALS = Pattern(rf"\b((?:[{_UPPER}]\.[ \t]?){{1,2}}(?:{_PARTICLE}[ \t]){{0,2}}{_TOKEN})")
