"""Tells lines of prose and of care from those of source code, logs and release notes, for dates like 2024-03-05."""

from __future__ import annotations

from compliance.inspection.patterns import Pattern

_CARE = Pattern(
    r"(?:\b|_)(?:patient|admit|admitted|admission|discharged?|visit|seen|encounter|procedure|surgery|diagnosed"
    r"|birth|born"
    r"|dob|deceased|died|death|hospital|clinic|date[ _]of[ _]service|dos|follow-?up|appointment)",
    ignore_case=True,
)
_LABEL = Pattern(
    r"(?:^|[^a-z_.\"'])(?:dates?|dated|signed|effective|due|filed|service|issued|expires?|expiry|expiration|deadline"
    r"|hearing|received|period|start|end|on|since|until|by|between|before|after|from|through|executed)"
    r"(?:[ \t](?:date|on|of|as of|the))?[ \t]*:?[ \t]*\(?$",
    ignore_case=True,
)
_LOG = Pattern(
    r"^[ T]?[0-9:.,]*(?:Z|[ ]?[+-][0-9]{2}:?[0-9]{2}| UTC)?[\])]?[ \t,|:-]*(?:[\[(<]?(?i:info|debug|warn(?:ing)?"
    r"|error|err"
    r"|fatal|critical|trace|notice|panic)\b|\[[A-Za-z0-9_./:-]+\]|[a-z_.]+[=\[(]|[a-z0-9.-]+ [a-z_.-]+(?:\[|:)"
    r"|(?:GET|POST|PUT|DELETE) |pid\b|[a-z_]+:)"
)
_FILE_BEFORE = Pattern(r"[\\/@]$|[A-Za-z0-9_][-.]$")
_FILE_AFTER = Pattern(r"^(?:[\\/]|[-_][A-Za-z0-9]|\.[A-Za-z]{2,4}\b)")
_RELEASE = Pattern(r"(?:^|[^a-z0-9])v?[0-9]+\.[0-9]+(?:\.[0-9a-z-]+)*[\])]?[ \t]*[:(-]*[ \t]*$", ignore_case=True)
_CODE = Pattern(
    r"[{}`]|</|/>|->|=>|>>>|<<|\w<\w|[!=]=|\w ?=[ \t]*\S|;[ \t]*$|://|[A-Za-z_][A-Za-z0-9_]*\((?:[^s]|s[^)])|\b(?:import"
    r"|return|const|let|var|def|assert|datetime"
    r"|timedelta|strptime|SELECT|INSERT|WHERE|VALUES|INFO|DEBUG|WARN|WARNING|ERROR)\b|^[ \t]*(?:#|//|\*|--|/\*)"
    r"|[\"'][A-Za-z_]+[\"']:|\.(?:py|js|ts|go|rs|java|sql|csv|json|log|txt|pdf|ya?ml|tar|gz|zip|md|bak|sh"
    r"|xlsx?)\b|\$ "
    r"|\b(?:commit|checkout|merge|branch|deprecated|api[_-]?version)\b"
)


def is_prose_line(before: bytes, date: bytes, after: bytes) -> bool:
    """Whether a date of the form 2024-03-05 is said to a reader, by what stands before and after it on its line."""
    starts_line = not before.strip(b" \t[(")
    if starts_line and _LOG.is_in(after):
        return False
    if b"T" in date and starts_line and not after.startswith(b"]"):
        return False
    if _FILE_BEFORE.is_in(before) or _FILE_AFTER.is_in(after):
        return False
    if _CARE.is_in(before) or _CARE.is_in(after):
        return True
    if _RELEASE.is_in(before):
        return False
    quote = before[-1:]
    if quote in (b'"', b"'") and after[:1] == quote:
        return False
    if _LABEL.is_in(before) and not _CODE.is_in(before):
        return True
    return not _CODE.is_in(before + date + after)
