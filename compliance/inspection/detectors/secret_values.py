"""Whether a value that a text calls a password, a key or a token is one, or only stands for one."""

from __future__ import annotations

from compliance.inspection.patterns import Pattern

# Left empty, masked, filled in elsewhere or named only: `<your-key>`, `${DB_PASSWORD}`, `xxxx`, `os.environ[...]`.
_PLACEHOLDER = Pattern(
    r"^(?:[\[<{].*|\(.*\)|\([a-z_.'-]*|\$[A-Za-z_][A-Za-z0-9_]*|\$[{(\[].*|[%@!#&$]+\{.*|%[a-z_]+%?|%\(.*|[x*.#_?-]{3,}|x{3,}.{0,8}|"
    r".{0,4}\*{3,}.*"
    r"|\.{3}.*|.*\.{3}|null|none|nil|true|false|yes|no|undefined|void|nan|empty|blank|unset|default|n/?a|tbd|todo"
    r"|(?-i:Secret[A-Z][A-Za-z]*|[A-Z][A-Za-z]*(?:Field|Str|String|Bytes|Type|Input|Schema|Widget))"
    r"|string\??|str|text|bytes|varchar.*|char|boolean|bool|int|integer|any|optional|required|object|secretstr|charfield.*"
    r"|redacted.*|hidden|masked|changed?|chang(?:e|ing)[ _-]?(?:me|it|this).*|replace[ _-]?(?:me|this|with).*|"
    r"fill[ _-]?(?:me|in).*"
    r"|your[ _-]?.*|(?:my|the|a|an|some|any|new|old|db|user|admin|root|secret|current|insert|enter|"
    r"put)[ _-]?(?:super[ _-]?)?(?:own[ _-]?)?"
    r"(?:secret[ _-]?)?(?:password|passwd|pass|secret|key|token|api[ _-]?key|value)(?:[ _-]?here)?"
    r"|.*[ _-](?:goes[ _-])?here|example.*|sample.*|placeholder.*|dummy.*|fake.*|mock.*|invalid.*|stub.*"
    r"|(?:test|testing|foo|bar|foobar|baz|qux|demo|abc|lorem|ipsum)(?:[ _-]?(?:password|passwd|pass|pw|secret|"
    r"key|token|value|user|only))?"
    r"|pass(?:word|wd|phrase|code)?s?[ _-]?(?:field|input|hash|1|2|confirm(?:ation)?)?|pwd|pw|user(?:name)?|"
    r"login|secrets?|tokens?"
    r"|keys?|api[ _-]?key|bearer|basic|jwt|oauth2?|credentials?|missing|incorrect|wrong|expired|rotated|weak|"
    r"strong|reset|stored"
    r"|process\.env.*|os\.(?:environ|getenv).*|env[.(\[].*|environ.*|config[.(\[].*|settings[.(\[].*|self\..*|"
    r"this\..*|request\..*"
    r"|args\..*|vars?\..*|secrets\..*|vault[.:].*|data\..*|getenv.*|get_.*|getpass.*|ssm:.*|arn:.*|kms:.*|"
    r"op://.*|ref\+.*|sops.*"
    r"|https?://.*|file:.*|(?-i:/[a-z0-9_./-]+)|\.{1,2}/.*|~/.*)$",
    ignore_case=True,
)
_INNER_PLACEHOLDER = Pattern(
    r"x{6,}|\*{4,}|\.{3}|\$\{|\{\{|<[a-z_ -]+>|your[_-]?(?:api|key|token|secret|own)|[_-]here\b|redacted|placeholder|"
    r"replace[_-]?me|change[_-]?me|0{10,}|1{10,}|(?:0123456789){2}|a{10,}",
    ignore_case=True,
)
_INTERPOLATED = Pattern(r"\$\{|\{\{|\{[A-Za-z_][A-Za-z0-9_.]*\}|%[sd(]|<[a-z][a-z0-9_ -]*>|\$\([a-z]", ignore_case=True)
# A name, a path of names, or an expression of them: what programs write where the value is somewhere else.
_REFERENCE = Pattern(r"^[A-Za-z_][A-Za-z0-9_]*(?:(?:\.|::|->|\?\.)[A-Za-z_][A-Za-z0-9_]*)+$")
_NUMBERED_NAME = Pattern(
    r"^(?:[a-z]+_)*(?:pass(?:word|wd|phrase|code)?|pw|pwd|secret|token|key|value|val|arg|param|user|str|text|"
    r"hash|input)_?[0-9]{0,2}"
    r"(?:_[a-z0-9]+)*$|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$",
    ignore_case=False,
)
_NAME = Pattern(r"^(?:[A-Z]?[a-z]+|[A-Z]+|[A-Z]?[a-z]+(?:[A-Z][a-z]+)+|[A-Za-z]+(?:[_.-][A-Za-z]+)+)$")
_MAIL_ADDRESS = Pattern(r"^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[a-z]{2,}$")
_WORDS = Pattern(r"^(?:[A-Z]?[a-z]+|[A-Z]+)(?:[ _./:-]?(?:[A-Z]?[a-z]+|[A-Z]+))*[ _.-]?[0-9]{0,2}$")
_SEPARATED_WORDS = Pattern(
    r"^_*[A-Za-z]+(?:[ _./:|,-]{1,2}[A-Za-z]+)+_*[0-9]{0,2}$|^[a-z]+[0-9]{0,3}$|^[A-Z]+[0-9]{0,2}$"
)
_NUMERIC = Pattern(r"^(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}(?:T.*)?$|^[0-9.,:/%+-]+[a-z]{0,3}$", ignore_case=True)
_HOST = Pattern(
    r"^(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|internal|local|example|test|gov|edu|co)(?:[:/].*)?$", ignore_case=True
)
_HASHED = Pattern(
    r"^(?:\$(?:2[aby]?|1|5|6|argon2(?:id|i|d)?|scrypt|pbkdf2[a-z0-9-]*)\$|pbkdf2_|argon2|bcrypt|\{(?:SSHA|SHA|MD5)\})",
    ignore_case=True,
)

_SYMBOLS = frozenset(b"!@#$%^&*+=?~|")
_DIGITS = frozenset(b"0123456789")


def is_placeholder(value: bytes) -> bool:
    """Whether the value says that a secret belongs here, or where it is kept."""
    return _PLACEHOLDER.is_in(value[:120].strip()) or _INTERPOLATED.is_in(value[:120]) or len(set(value)) < 3


def is_worn_placeholder(value: bytes) -> bool:
    """Whether a value of a known issuer's form is one from a manual: `sk-xxxxxxxx`, `ghp_your_token_here`."""
    return _INNER_PLACEHOLDER.is_in(value[:200]) or len(set(value[-16:])) < 5


def is_password(value: bytes, *, assigned: bool, quoted: bool, ends_line: bool, called: bool) -> bool:
    """Whether the value after a word for passwords is one.

    `assigned`: after a colon or an equals sign, else after "is". `called`: an opening bracket follows.
    """
    if is_placeholder(value) or _HASHED.is_in(value):
        return False
    if _MAIL_ADDRESS.is_in(value) or _NUMBERED_NAME.is_in(value):
        return False
    if quoted:
        return not _is_phrase(value) and len(value) >= 4
    if called or _REFERENCE.is_in(value) or _HOST.is_in(value):
        return False
    if not assigned:
        return _stands_out(value)
    return _looks_chosen(value) or ends_line


def is_key(value: bytes, *, assigned: bool, quoted: bool, called: bool) -> bool:
    """Whether the value after a word for keys and tokens is one: it must look drawn by chance."""
    if len(value) < 8 or is_placeholder(value) or is_worn_placeholder(value) or _HOST.is_in(value):
        return False
    if not quoted and (called or _REFERENCE.is_in(value) or _NUMBERED_NAME.is_in(value)):
        return False
    if b" " in value or _NUMERIC.is_in(value) or _SEPARATED_WORDS.is_in(value):
        return False
    digits = sum(byte in _DIGITS for byte in value)
    if digits >= (2 if assigned else 3) and len(set(value)) >= 6:
        return True
    return len(value) >= 16 and not _WORDS.is_in(value) and len(set(value)) >= 10


def _is_phrase(value: bytes) -> bool:
    """Whether a quoted value is a label or a message rather than a secret."""
    if b" " not in value:
        return value[-1:] == b":"
    plain = value.translate(None, b" ,.:!?()'-/")
    return value.count(b" ") > 3 or plain.isalpha() or value[-1:] in b":?" or value[-2:] == b": "


def holds_digit_or_symbol(value: bytes) -> bool:
    """Whether the value has a digit or a symbol that no plain word has."""
    return any(byte in _DIGITS or byte in _SYMBOLS for byte in value)


def _looks_chosen(value: bytes) -> bool:
    """Whether a value after a colon is no plain word of a sentence and no name of a type or a constant."""
    return holds_digit_or_symbol(value) or (len(value) >= 8 and not _NAME.is_in(value))


def _stands_out(value: bytes) -> bool:
    """Whether a value without a colon before it ("the password is ...") is none of a sentence's words."""
    if len(value) < 5 or _NUMERIC.is_in(value):
        return False
    if len(value) >= 10 and value.isalpha():
        return not _NAME.is_in(value)
    has_letter = any(65 <= byte <= 90 or 97 <= byte <= 122 for byte in value)
    return has_letter and holds_digit_or_symbol(value[:-1] + value[-1:].strip(b"!?"))
