"""Secrets by their form and by the words before them, and what only speaks of a secret.

No string here is whole: a scanner of this repository must find none.
"""

from __future__ import annotations

from random import Random

import pytest

from compliance.inspection.detectors.secrets import SecretDetector
from compliance.inspection.normalise import normalise

_DRAW = Random(7)
_HEX, _UPPER, _MIXED = "0123456789abcdef", "ABCDEFGHJKLMNPQR234567", "abcdefgHIJKLMNOPQ0123456789"


def _drawn(alphabet: str, length: int) -> str:
    return "".join(_DRAW.choices(alphabet, k=length))


_PEM = "-----{} RSA PRIVATE" + " KEY-----"
FORMS = [
    ("AK" + "IA", _UPPER, 16),
    ("AI" + "za", _MIXED, 35),
    ("sk-" + "ant-api03-", _MIXED, 80),
    ("sk-" + "proj-", _MIXED, 48),
    ("gh" + "p_", _MIXED, 36),
    ("gl" + "pat-", _MIXED, 20),
    ("xo" + "xb-", "0123456789-", 30),
    ("sk_" + "live_", _MIXED, 24),
    ("np" + "m_", _MIXED, 36),
    ("py" + "pi-", _MIXED, 60),
    ("hf" + "_", _MIXED, 34),
    ("S" + "K", _HEX, 32),
    ("ke" + "y-", _HEX, 32),
    ("dop" + "_v1_", _HEX, 64),
    ("shp" + "at_", _HEX, 32),
    ("sq0" + "atp-", _MIXED, 22),
    ("dap" + "i", _HEX, 32),
    ("ATA" + "TT3", _MIXED, 60),
    ("12345678" + ":AA", _MIXED, 33),
    ("1/" + "/0", _MIXED, 40),
]
# The value to be found stands between the angle quotes.
ASSIGNED = [
    ("password", "pw: «Winter1234!»\n"),
    ("password", "pass is «Falcon@123» btw"),
    ("password", "use password «Winter1234!» to log in"),
    ("password", "the password for the vpn\nis «luGvYu5nFj2wph59»"),
    ("password", "Password - «Monday-12-blue-Horse»"),
    ("password", "const apiPassword = '«abcDEF1234567890»';"),
    ("password", "<password>«dragon4812!»</password>"),
    ("password", '<add key="Password" value="«Falcon9814!»" />'),
    ("password", 'admin_password: "«%AgOZErcLT0Rx!sh»"'),
    ("password", "postgres://app:«VOi_)J#J@TEGJ0»@db.internal:5432/app"),
    ("password", "mysql -u root -p'«focus-imagine-beyond53»' prod < dump.sql"),
    ("password", "password for prod is: «(8Chpy&qhWy#»\nversion 3"),
    ("password", "DB_PASSWORD=«9(Q+MlUX!y(D5p@I»\nX=1"),
    ("password", "(password: «hunter22») and more"),
    ("access_token", "the key id and secret «lLgPEtwF7dzPpU8NjniX39iGC5O91V5Ogn6lJreq» there"),
    ("password", "sshpass -p «Monday-93-blue-Horse» ssh"),
    ("password", "DB_PASSWORD=«swordfish»\nX=1"),
    ("password", 'os.environ["DB_PASSWORD"] = "«swordfish1»"'),
    ("password", 'password: str = "«hunter2222»"'),
    ("password", '{\\"password\\": \\"«hunter22»\\"}'),
    ("password", "Server=sql1;User Id=sa;Password=«s3cretPw9»;"),
    ("password", "curl -u admin:«hunter22» https://x"),
    ("password", "my password is «$ecr3t!99»"),
    ("password", "| password | «hunter22» |"),
    ("password", "PIN: «4821»"),
    ("password", 'passphrase: "«correct horse battery staple»"'),
    ("api_key", "SECRET_KEY='«django-8h$2k!x9m@4p»'"),
    ("api_key", "AccountKey=«Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6==»;"),
    ("api_key", "aws_secret_access_key = «/aCavdWDWZmCwiqgPfyaKpmksZJj+Tz1KZAvSVMB»"),
    ("api_key", "X-Api-Key: «9a8b7c6d5e4f39a8b7c6d5e4f3»"),
    ("access_token", "TWILIO_AUTH_TOKEN=«0a1b2c3d4e5f60718293a4b5c6d7e8f9»"),
    ("access_token", "-H 'Authorization: token «9f8e7d6c5b4a39»'"),
]
LOOK_ALIKES = [
    'password: ${DB_PASSWORD}\npassword: "{{ vault.db_password }}"\npassword=%(password)s\nf"password={password}"',
    'api_key = "<your-api-key>"\nAPI_KEY=your-api-key-here\napi_key: YOUR_API_KEY\napi_key=API_KEY_V2',
    'password = "xxxxxxxx"\nAWS_SECRET_ACCESS_KEY=********\npassword: [REDACTED]\npassword=changeme',
    "password = user_input\npassword = form.password.data\nself.password = password\npassword=password1",
    "token = tokens[0]\ntoken = next(tokens)\nsecret = secrets.token_hex(32)\npassword = getpass.getpass('Password: ')",
    "const password = process.env.PASSWORD;\nsecret_key = settings.SECRET_KEY\npassword: SecretStr\n",
    'token_type = "bearer"\nnext_page_token: "CAUQAA1234"\nmin_password_length = 12\n"secret_name": "prod/db"',
    "You can pass 'message' or pass field=None; optional argument to pass to `expression`.",
    "compass: 12345, passed: 12345, the pass is at 10am, pass 12 of 15, the token is valid for 24h",
    "docker run -u 1000:1000, PIN code 560001",
    "password: $2b$12$abcdefghijklmnopqrstuv\nchangepassword officer@example.org",
    'raise ValueError("wrong password")\n2022-07-23T23:14:29.630Z INFO',
    "in ('password', 'clientCredentials') or autocomplete: \"current-password\", \"autofocus\": True",
    "https://user:password@example.com https://user:${PASS}@example.com Authorization: Bearer <token>",
    "gh" + "p_" + "x" * 36 + " and sk-" + "your-api-key-here-please-replace",
    f'if "{_PEM.format("BEGIN")}" in text:',
    f"{_PEM.format('BEGIN')}\n...\n{_PEM.format('END')}",
    "integrity sha512-Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA== sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
]


def _find(text: str) -> list[tuple[str, str]]:
    return sorted({(span.type, text[span.start : span.end]) for span in SecretDetector().find(normalise(text))})


@pytest.mark.parametrize(("prefix", "alphabet", "length"), FORMS)
def test_a_token_is_known_by_its_issuers_form_alone(prefix: str, alphabet: str, length: int) -> None:
    token = prefix + _drawn(alphabet, length)
    assert [value for _, value in _find(f"see {token} there")] == [token]


@pytest.mark.parametrize(("kind", "marked"), ASSIGNED)
def test_finds_what_a_word_for_a_secret_announces(kind: str, marked: str) -> None:
    value = marked[marked.index("«") + 1 : marked.index("»")]
    assert (kind, value) in _find(marked.replace("«", "").replace("»", ""))


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_leaves_alone_what_only_speaks_of_a_secret(text: str) -> None:
    assert _find(text) == []


def test_each_private_key_is_found_whole_with_its_headers_and_its_end() -> None:
    key = f"{_PEM.format('BEGIN')}\nProc-Type: 4,ENCRYPTED\n\n{_drawn(_MIXED, 64)}\n{_PEM.format('END')}"
    assert _find(f"a {key}\nb {key} c") == [("private_key", key)]
    assert len(list(SecretDetector().find(normalise(key * 3)))) == 3
