"""What each detector finds, and the look-alikes that it leaves alone."""

from __future__ import annotations

import pytest

from compliance.inspection import inspect

# The value to be found stands between the angle quotes; normalisation never sees them.
IDENTIFIERS = [
    ("us_ssn", "SSN: «123-45-6789»"),
    ("us_ssn", "social security number is «123456789»."),
    ("us_ssn", "His number is «219 09 9999», he said"),
    ("us_ssn", '{"ssn": "«123-45-6789»"}'),
    ("us_ssn", "is «123/45/6789» in"),
    ("us_ssn", "SSN «123_45_6789» in"),
    ("us_ssn", "number «123-45-\n6789» is"),
    ("us_ssn", "number «123-\r\n45-6789» is"),
    ("us_ssn", "number «123 45\n6789» is"),
    ("us_ssn", "number\n«123\n45\n6789»\nis"),
    ("us_itin", "ITIN «912-70-1234»"),
    ("medical_record_number", "MRN: «12345678»"),
    ("medical_record_number", "Medical Record Number «A-1234567»"),
    ("medical_record_number", "Patient ID: «PT-004512»"),
    ("medical_record_number", "mrn #«00451299»"),
    ("health_plan_number", "Member ID: «XYZ123456789»"),
    ("health_plan_number", "Medicare No. «1EG4TE5MK73»"),
    ("health_plan_number", "Group number: «00884412»"),
    ("account_number", "Account number: «0044-882211»"),
    ("account_number", "acct # «99887766»"),
    ("licence_number", "Driver's license: «D1234567»"),
    ("licence_number", "NPI «1234567893»"),
    ("passport_number", "Passport No: «C01234567»"),
    ("vehicle_id", "It was «1HGCM82633A004352», a sedan"),
    ("vehicle_id", "license plate «7ABC123»"),
    ("device_id", "Pacemaker serial number «SN-883201»"),
    ("device_id", "at «00:1A:2B:3C:4D:5E» since"),
    ("date_of_birth", "DOB: «01/02/1960»"),
    ("date_of_birth", "Date of birth «March 5, 1971»"),
    ("date_of_birth", "born on «1960-01-02» in Ohio"),
    ("date_of_birth", '"dob": "«1960-01-02»"'),
    ("date", "Admitted «03/14/2024» with pain"),
    ("date", "seen on «March 5, 2024» by"),
    ("date", "on «5 March 2024» we"),
    ("date", "on «Mar 5» we"),
    ("date", "in «March 2024» the"),
    ("date", "The visit took place on «2024-03-05»."),
    ("date", "«14.03.2024» Aufnahme"),
    ("date", "discharged on «3/15» in good condition"),
    ("phone_number", "Call «(555) 123-4567» today"),
    ("phone_number", "at «555-123-4567»."),
    ("phone_number", "at «+1 415 555 2671»"),
    ("phone_number", "at «+44 20 7946 0958» in London"),
    ("phone_number", "Tel: «030 12345678»"),
    ("phone_number", "Fax «4155552671»"),
    ("phone_number", "at «415.555.2671 ext. 12»"),
    ("email_address", "write to «john.doe+x@mail.example.org»."),
    ("email_address", "<«müller@example.de»>"),
    ("url", "see «https://portal.example.com/p/1234?x=1»."),
    ("url", "(«www.example.com/patients»)"),
    ("ip_address", "from «203.0.113.7»:"),
    ("ip_address", "from «2001:db8::8a2e:370:7334» at"),
    ("street_address", "lives at «123 Main Street, Springfield, IL 62704»."),
    ("street_address", "at «4500 N. Oak Tree Blvd, Apt 4B», near"),
    ("street_address", "«P.O. Box 1234, Dayton, OH 45401»"),
    ("street_address", "moved to «Portland, OR 97201» last"),
    ("zip_code", "ZIP code: «62704-1234»"),
    ("person_name", "Dr. «Maria Garcia-Lopez» examined"),
    ("person_name", "Mrs. «O'Brien» said"),
    ("person_name", "Ms «Anna de la Cruz» came"),
    ("person_name", "Patient: «John Q. Smith», seen"),
    ("person_name", "PATIENT NAME: «DOE, JOHN»"),
    ("person_name", "Name: «José García»"),
    ("person_name", "Name: «Анна Петрова»"),
    ("person_name", "patient «Maria Lopez» was admitted"),
    ("person_name", "signed by «Peter Jones»"),
    ("person_name", "reviewed and signed, «Susan B. Clark», M.D."),
    ("person_name", "her husband «Robert» called"),
    ("person_name", "the man's wife, «Mary», called"),
    ("person_name", "«Jane Doe», a 67-year-old"),
    ("person_name", "seen by RN «Susan Lee» at"),
    ("person_name", "Emergency contact: «Linda Park»"),
    ("person_name", '"patient_name": "«John Smith»"'),
    ("person_name", "Kind regards,\n«Peter Jones»"),
    ("age_over_89", "a «92»-year-old woman"),
    ("age_over_89", "Age: «103»"),
    ("age_over_89", "«94» y/o male"),
    ("card_number", "paid with «4111 1111 1111 1111» on"),
    ("card_number", "Amex «378282246310005»"),
    ("card_number", "ref 1234 «5555-5555-5555-4444»"),
    ("iban", "to «GB82 WEST 1234 5698 7654 32» today"),
    ("iban", "IBAN «DE89370400440532013000»"),
]

SECRETS = [
    ("api_key", "key «AKIAIOSFODNN7EXAMPLE» here"),
    ("access_token", "token «ghp_abcdefghijklmnopqrstuvwxyz0123456789»"),
    ("access_token", "«github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuv»"),
    ("access_token", "«xoxb-123456789012-abcdefghijkl»"),
    ("api_key", "«sk_live_abcdefghijklmnop»"),
    ("api_key", "«sk-ant-api03-abcdefghijklmnopqrstuv-w_x»"),
    ("api_key", "«sk-proj-abcdefghijklmnopqrstuv»"),
    ("api_key", "«sk-abcdefghijklmnopqrstuvwxyz012345»"),
    ("access_token", "«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P»"),
    ("private_key", "«-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nabcd/+==\n-----END RSA PRIVATE KEY-----»"),
    ("private_key", "«-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA» [cut off]"),
    ("private_key", "«-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNza\\n-----END OPENSSH PRIVATE KEY-----»"),
    ("password", "password: «hunter2»"),
    ("password", "Password: «swordfish»\n"),
    ("access_token", "token: «abcdefabcdef0123456789»"),
    ("password", 'DB_PASSWORD="«correct horse 7»"'),
    ("password", "the password is «Tr0ub4dor&3»."),
    ("password", "postgres://app:«s3cr3t»@db.internal/main"),
    ("api_key", "aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»"),
    ("access_token", "Authorization: Bearer «abcdef0123456789abcdef»"),
    ("access_token", "client_secret: '«9f8e7d6c5b4a»'"),
]

MARKERS = [
    ("inside_information", "This memo contains «material non-public information» about us."),
    ("inside_information", "It is «material, nonpublic information»."),
    ("inside_information", "It is *«material* non-public information»."),
    ("inside_information", "It is **«material**, __non-public__ information»."),
    ("inside_information", "It is <b>«material</b> non-public» stuff."),
    ("inside_information", "It is <b class='x'>«ma</b>ter<i>ial</i> non-public» stuff."),
    ("inside_information", "It is «material<br/>non-public» stuff."),
    ("inside_information", "It is «ma**ter**ial non-public» stuff."),
    ("inside_information", "It is <«material non-public information»>."),
    ("inside_information", "<«material non-public information» <b>x</b>>"),
    ("inside_information", "see «material_non_public_information».csv"),
    ("inside_information", "see «material.non.public.information», page 2"),
    ("inside_information", "It is «material - non - public» stuff."),
    ("inside_information", "It is «material/non-public information»."),
    ("inside_information", "It is «material; 'non-public' information»."),
    ("inside_information", "> it is «material\n> non-public information»"),
    ("inside_information", "| «material | non-public | information» |"),
    ("inside_information", "It is «&#109;aterial&nbsp;non&#x2D;public» stuff."),
    ("inside_information", "It is «m\u00e4terial nōn-public» stuff."),
    ("inside_information", "It is «mater\u03b9al n\u03bfn-publ\u026ac» stuff."),
    ("inside_information", "It is «material n\u0585\u0578-public» stuff."),
    ("inside_information", "It «contains *inside* information»."),
    ("inside_information", "**«MNPI**:» see below"),
    ("unannounced_deal", "The *«merger* with Initech has **not_yet** been <i>announced»</i>."),
    ("unannounced_deal", "The board discussed an «unannounced acquisition» of a rival."),
    ("unannounced_deal", "The «merger with Initech has not yet been announced»."),
    ("unreleased_results", "Prepared «ahead of the earnings release»."),
    ("unreleased_results", "«Third quarter results have not yet been announced»."),
    ("unreleased_results", "Attached «are confidential earnings» figures."),
    ("unreleased_results", "«Revenue of $4.2 billion will beat guidance; not yet public» news."),
    ("unreleased_results", "Please hold: «embargoed until Thursday, EPS is $1.42» per share."),
    ("unannounced_deal", "Our «stock split is\nnot yet  public»."),
    ("unreleased_results", "«EPS of $1.12. Not for release» until later"),
    ("attorney_client", "Subject to «attorney-client privilege»."),
    ("attorney_client", "«ATTORNEY-CLIENT PRIVILEGED»"),
    ("attorney_client", "This is «privileged and confidential»."),
    ("attorney_client", "«Privileged & Confidential»"),
    ("attorney_client", "*«Attorney*-<b>client</b> privileged»"),
    ("attorney_client", "«attorney_client_privileged».pdf"),
    ("attorney_client", "«attorney.client.privilege»"),
    ("attorney_client", "«Privileged* &amp; *Confidential»"),
    ("work_product", "«Attorney *Work* Product»"),
    ("work_product", "«Attorney Work Product»"),
    ("work_product", "It was «prepared at the\ndirection of counsel»."),
    ("work_product", "«prepared in anticipation of litigation»"),
    ("legal_advice", "written «for the purpose of obtaining legal advice» from us"),
]

LOOK_ALIKES = [
    "The diagnosis is unclear.",
    "ICD-10 codes: E11.9, I10, Z79.4, S72.001A; CPT 99213.",
    "Order #123-45-6789 was shipped; invoice no. 555-123-4567 is due.",
    "Order number: 4400123, tracking 1Z999AA10123456784",
    "Upgraded to version 1.2.3.4, then release 10.1.2024 and v2.0.0-rc.1",
    "SSN 000-12-3456, 666-12-3456, 900-12-3456, 123-00-4567 and 123-45-0000 cannot be issued.",
    'released = "2024-03-05"  # changelog',
    "2024-03-05T10:00:00Z INFO started worker pid=4711",
    "if now < datetime(2024, 3, 5): return parse('2024-03-05')",
    "The card 4111 1111 1111 1112 fails its check digit.",
    "DE89370400440532013001 fails its check digit.",
    "listening on 127.0.0.1:8000 and http://localhost:8000/health, netmask 255.255.255.0",
    "std::vector<int> a; ratio 16:9, at 12:30:45",
    "Blood pressure 120/80, heart rate 72, 0.5 mg 1/2 tablet, 98.6 F",
    "The patient may walk in march; the patient was seen.",
    "The patient is a 45-year-old; rooms 90 and 95.",
    "Patient Safety Committee and Patient Care Plan are described below.",
    "MS Word and the MR images were reviewed. Name: unknown. Patient: Reports pain.",
    "password: required\npassword: ********\npassword = os.environ['DB_PASSWORD']",
    "login(user, password=OFFICER_PASSWORD, token=args)",
    "The password is required and the password was changed yesterday.",
    'The "token" field is optional; secret: null',
    "-----BEGIN PUBLIC KEY-----\nMIIBIjAN\n-----END PUBLIC KEY-----",
    "No employee may trade on material non-public information.",
    "This summary contains no material non-public information.",
    "max_tokens: 4096, token_limit=2000; the token count: 12345; Password: must be changed",
    "The finding is material. Non-public schools are exempt.",
    "The effect is immaterial; non-public schools are exempt.",
    "*No* employee may **trade on** *material* non-public information.",
    "This is **not** subject to *attorney-client privilege*.",
    "He asked his attorney. Client privileges are listed online.",
    "rows:\n101\n123\n45\n6789\n12",
    "12\n123\n45\n6789",
    "a &amp; b &copy; 2024, AT&T; x = y &lt; z; &unknown; &#65; tom & jerry;",
    "The merger was announced on Monday by both companies.",
    "The acquisition closed; revenue was $4.2 billion, up 12%, as the press release of last week said.",
    "Confidential: the agenda of the team meeting. The forecast is rain.",
    "Counsel attended the meeting. Privileges of club members are listed online.",
    "This summary is not subject to attorney-client privilege.",
    "Step 3: 100 units at 12.50 each, total 1,250.00 in 4 batches way below plan",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "id 550e8400-e29b-41d4-a716-446655440000 and order 7c9e6679-7425-40de-944b-e07fc1f90ae7",
]


def _split(marked: str) -> tuple[str, int, int]:
    start = marked.index("«")
    end = marked.index("»") - 1
    return marked.replace("«", "").replace("»", ""), start, end


@pytest.mark.parametrize(("kind", "marked"), [*IDENTIFIERS, *SECRETS, *MARKERS])
def test_finds(kind: str, marked: str) -> None:
    text, start, end = _split(marked)
    found = [(finding.type, text[finding.start : finding.end]) for finding in inspect(text)]
    assert (kind, text[start:end]) in found


@pytest.mark.parametrize(("kind", "marked"), [*IDENTIFIERS, *SECRETS])
def test_finds_nothing_else_beside_it(kind: str, marked: str) -> None:
    text, start, end = _split(marked)
    others = [finding for finding in inspect(text) if (finding.start, finding.end) != (start, end)]
    assert others == []


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_leaves_look_alikes_alone(text: str) -> None:
    assert [(finding.type, text[finding.start : finding.end]) for finding in inspect(text)] == []


def test_a_name_found_once_is_found_wherever_it_stands_again() -> None:
    text = "Patient: John Smith. SMITH denies pain. Blacksmith shops. Later John said so; Smithers did not."
    names = [text[finding.start : finding.end] for finding in inspect(text) if finding.type == "person_name"]
    assert names == ["John Smith", "SMITH", "John"]


def test_a_clinical_note_is_found_whole() -> None:
    text = (
        "Patient John Smith, DOB 01/02/1960, MRN: 12345678, SSN 123-45-6789, (555) 123-4567, john@example.org.\n"
        "Lives at 123 Main Street, Springfield, IL 62704. Seen by Dr. Maria Lopez on March 5, 2024.\n"
        "Diagnosis: E11.9. Order #99-1234, version 1.2.3.4."
    )
    assert [finding.type for finding in inspect(text)] == [
        "person_name",
        "date_of_birth",
        "medical_record_number",
        "us_ssn",
        "phone_number",
        "email_address",
        "street_address",
        "person_name",
        "date",
    ]
