"""Makers of keys, tokens and passwords, in the shapes that their issuers document. None was ever issued."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits

from benchmarks.inspection_quality.documents import ANY, Draw, Maker, Segment, Value

_ALPHANUMERIC = ascii_letters + digits
_BASE64 = _ALPHANUMERIC + "+/"
_URL_SAFE = _ALPHANUMERIC + "-_"
_HEX = "0123456789abcdef"


def _make_token(draw: Draw) -> Value:
    """A credential that its own prefix gives away."""
    shapes = (
        (f"{draw.one(('AKIA', 'ASIA'))}{draw.characters(ascii_uppercase + '234567', 16)}", "aws_access_key"),
        (f"ghp_{draw.characters(_ALPHANUMERIC, 36)}", "github"),
        (f"xoxb-{draw.digits(12)}-{draw.digits(12)}-{draw.characters(_ALPHANUMERIC, 24)}", "slack"),
        (f"glpat-{draw.characters(_URL_SAFE, 20)}", "gitlab"),
        (f"sk_live_{draw.characters(_ALPHANUMERIC, 24)}", "stripe"),
        (f"AIza{draw.characters(_URL_SAFE, 35)}", "google"),
        (f"sk-proj-{draw.characters(_ALPHANUMERIC, 48)}", "openai"),
        (f"sk-ant-api03-{draw.characters(_URL_SAFE, 93)}AA", "anthropic"),
        (f"npm_{draw.characters(_ALPHANUMERIC, 36)}", "npm"),
        (f"pypi-AgEIcHlwaS5vcmc{draw.characters(_URL_SAFE, 60)}", "pypi"),
        (f"SG.{draw.characters(_URL_SAFE, 22)}.{draw.characters(_URL_SAFE, 43)}", "sendgrid"),
        (f"SK{draw.characters(_HEX, 32)}", "twilio"),
        (f"github_pat_{draw.characters(_ALPHANUMERIC, 22)}_{draw.characters(_ALPHANUMERIC, 59)}", "github"),
        (f"gho_{draw.characters(_ALPHANUMERIC, 36)}", "github"),
        (f"rk_live_{draw.characters(_ALPHANUMERIC, 24)}", "stripe"),
        (f"hf_{draw.characters(ascii_letters, 34)}", "hugging_face"),
        (f"dop_v1_{draw.characters(_HEX, 64)}", "digital_ocean"),
        (f"shpat_{draw.characters(_HEX, 32)}", "shopify"),
        (f"sk_test_{draw.characters(_ALPHANUMERIC, 24)}", "stripe"),
        (
            f"https://hooks.slack.com/services/T{draw.digits(8)}/B{draw.digits(8)}/"
            f"{draw.characters(_ALPHANUMERIC, 24)}",
            "slack_webhook",
        ),
        (f"whsec_{draw.characters(_ALPHANUMERIC, 32)}", "stripe"),
        (f"dapi{draw.characters(_HEX, 32)}", "databricks"),
        (f"{draw.digits(10, '123456789')}:AA{draw.characters(_URL_SAFE, 33)}", "telegram"),
        (f"xoxp-{draw.digits(11)}-{draw.digits(11)}-{draw.digits(12)}-{draw.characters(_HEX, 32)}", "slack"),
    )
    text, issuer = draw.wording(shapes)
    return Value(text, "api_key", issuer)


def _make_aws_secret(draw: Draw) -> tuple[Segment, ...]:
    label, end = draw.wording(
        (("aws_secret_access_key = ", ""), ('AWS_SECRET_ACCESS_KEY="', '"'), ("AWS_SECRET_ACCESS_KEY=", ""),
         ("secret_access_key: ", ""), ('"SecretAccessKey": "', '"'))
    )  # fmt: skip
    return label, Value(draw.characters(_BASE64, 40), "api_key", "aws_secret"), end


def _encode(part: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _make_jwt(draw: Draw) -> Value:
    header = _encode({"alg": draw.one(("HS256", "RS256")), "typ": "JWT"})
    payload = _encode({"sub": draw.digits(8), "iat": draw.number(1_600_000_000, 1_800_000_000), "role": "admin"})
    return Value(f"{header}.{payload}.{draw.characters(_URL_SAFE, 43)}", "access_token", "jwt")


def _make_bearer(draw: Draw) -> tuple[Segment, ...]:
    label = draw.wording(
        ("Authorization: Bearer ", "authorization: bearer ", '-H "Authorization: Bearer ', "Authorization: token ",
         "Authorization: Basic ", "Cookie: sessionid=", "X-Auth-Token: ", "refresh_token=")
    )  # fmt: skip
    token = draw.one((draw.characters(_URL_SAFE, 40), draw.characters(_HEX, 64), _make_jwt(draw).text))
    if label.endswith("Basic "):
        token = base64.b64encode(f"admin:{_draw_password(draw)}".encode()).decode()
    return label, Value(token, "access_token", "bearer"), '"' if label.startswith("-H") else ""


def _make_pem(draw: Draw) -> Value:
    kind = draw.wording(
        ("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
    )
    body = "\n".join(draw.characters(_BASE64, 64) for _ in range(draw.number(3, 12)))
    return Value(f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----", "private_key")


def _draw_password(draw: Draw) -> str:
    word = draw.one(("Winter", "dragon", "Falcon", "sunshine", "Tr0ub4dor", "Monday", "hospital", "Qwerty"))
    return draw.wording(
        (
            f"{word}{draw.digits(4)}!", draw.characters(_ALPHANUMERIC, 16), f"{word}-{draw.digits(2)}-blue-Horse",
            draw.characters(_ALPHANUMERIC + "!#%^*", 14) + "7a", f"{word}@{draw.digits(3)}", f"{word}{draw.digits(3)}",
            f"p@ss{word}{draw.digits(2)}", f"{draw.characters(ascii_lowercase, 6)}{draw.digits(4)}",
        )
    )  # fmt: skip


def _make_code_password(draw: Draw) -> tuple[Segment, ...]:
    """As code and configuration assign it."""
    before, after = draw.wording(
        (
            ('password = "', '"'), ("DB_PASSWORD=", ""), ('"password": "', '"'), ("password: ", ""),
            ("const apiPassword = '", "';"), ("passwd=", ""), ("spring.datasource.password=", ""), ("pwd = '", "'"),
            ('SMTP_PASS="', '"'), ("POSTGRES_PASSWORD: ", ""), ("<password>", "</password>"), ("--password ", ""),
            ("export ADMIN_PASSWORD='", "'"), ("PGPASSWORD=", " psql"), ('db_pass := "', '"'), ("mysql_pwd: '", "'"),
            ("machine ftp.internal login app password ", ""), ("curl -u admin:", " https://api.internal"),
            ("sshpass -p ", " ssh root@gw"), ('"db_password" => "', '",'), ('<add key="Password" value="', '" />'),
            ("ENV ROOT_PASSWORD=", ""), ('user.set_password("', '")'), ("ansible_become_pass: ", ""),
        )
    )  # fmt: skip
    return before, Value(_draw_password(draw), "password", "assigned"), after


def _make_said_password(draw: Draw) -> tuple[Segment, ...]:
    """As people tell each other."""
    before, after = draw.wording(
        (
            ("the password is ", ""), ("password: ", ""), ("pw: ", ""), ("my password is ", " btw"),
            ("pass is ", ""), ("Password - ", ""), ("use password ", " to log in"), ("the new password is: ", ""),
            ('the password is "', '"'), ("login admin, password ", ""), ("pwd is ", ""), ("passcode: ", ""),
            ("pwd: ", ""), ("it's password: ", ""), ("PW is ", ""), ("credentials: admin / ", ""),
            ("the password for the vpn is ", ""), ("password = ", ""), ("just log in with password ", ""),
            ("passphrase: ", ""),
        )
    )  # fmt: skip
    return before, Value(_draw_password(draw), "password", "said"), after


def _make_connection(draw: Draw) -> tuple[Segment, ...]:
    """A connection string. The password is counted; what else is in it is arguable."""
    scheme, host = draw.wording(
        (
            ("postgresql://app:", "@db.internal:5432/app"), ("mysql://root:", "@10.0.3.7/billing"),
            ("mongodb+srv://svc:", "@cluster0.mongodb.net/prod"), ("redis://default:", "@cache.internal:6379/0"),
            ("amqp://worker:", "@mq.internal:5672//"), ("Server=sql1;Database=crm;User Id=sa;Password=", ";"),
            ("https://deploy:", "@git.internal/repo.git"), ("postgres://admin:", "@localhost/test"),
        )
    )  # fmt: skip
    password = f"{draw.characters(_ALPHANUMERIC, draw.number(8, 20))}{draw.digits(1)}"
    neutral = [Value(part, ANY, "connection", counted=False) for part in (scheme, host)]
    return neutral[0], Value(password, "password", "connection"), neutral[1]


def _make_generic_key(draw: Draw) -> tuple[Segment, ...]:
    """A key without a prefix of its own: the name it is assigned to gives it away."""
    before, after = draw.wording(
        (
            ('api_key = "', '"'), ("API_KEY=", ""), ('"apiKey": "', '"'), ("api-key: ", ""), ("X-Api-Key: ", ""),
            ("client_secret=", ""), ('secret_key = "', '"'), ("access_token=", ""), ("TWILIO_AUTH_TOKEN=", ""),
            ("auth_token: ", ""), ('CLIENT_SECRET="', '"'), ('private_token = "', '"'),
            ("AccountKey=", ";EndpointSuffix=core.windows.net"), ("DJANGO_SECRET_KEY='", "'"),
            ('"access_token":"', '"'), ("consumer_secret: ", ""), ("encryption_key = '", "'"), ("JWT_SECRET=", ""),
            ('signing_key: "', '"'), ('ACCESS_KEY="', '"'),
        )
    )  # fmt: skip
    token = draw.one((draw.characters(_HEX, 32), draw.characters(_ALPHANUMERIC, 32), draw.characters(_URL_SAFE, 40)))
    return before, Value(token, "api_key", "assigned"), after


SECRET_MAKERS: Mapping[str, Maker] = {
    "token": _make_token,
    "aws_secret": _make_aws_secret,
    "jwt": _make_jwt,
    "bearer": _make_bearer,
    "pem": _make_pem,
    "code_password": _make_code_password,
    "said_password": _make_said_password,
    "connection": _make_connection,
    "generic_key": _make_generic_key,
}
