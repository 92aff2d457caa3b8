"""The JSON Schema of a policy document, generated from the code that validates it (JSON Schema, draft 2020-12).

What one schema cannot say (a ceiling that grants what is forbidden, a rule that no detector serves) is said by
`manage.py policy validate`, which also names the line.
"""

from typing import Any

from compliance.inspection import BUILTIN_DETECTORS, CATEGORIES
from compliance.inspection.custom_patterns import MAX_EXPRESSION_LENGTH
from compliance.inspection.findings import CATEGORY_OF
from compliance.inspection.registry import DETECTOR_PATH
from compliance.policy import PROOFS, PolicyDocument

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# compliance.capabilities: two to four segments of which the last may be a star, or a star alone.
_CAPABILITY = r"^(\*|[a-z0-9_.-]{1,64}(:[a-z0-9_.-]{1,64}){0,2}:([a-z0-9_.-]{1,64}|\*))$"


def build_policy_schema() -> dict[str, Any]:
    """Return the schema of the documents that `/compliance/policies` and `manage.py policy` take."""
    schema = PolicyDocument.model_json_schema()
    parts = schema["$defs"]
    for part in (schema, *parts.values()):
        part["description"] = " ".join(part["description"].split())
    capabilities = parts["CapabilityRules"]["properties"]
    for name in ("default", "ceiling", "forbidden"):
        capabilities[name]["items"] = {"type": "string", "pattern": _CAPABILITY}
    members = schema["properties"]
    types = parts["ContentRule"]["properties"]["types"]
    for lists in (*capabilities.values(), *map(members.get, ("aliases", "detectors", "required_proofs")), types):
        lists["uniqueItems"] = True
    pattern = parts["CustomPattern"]["properties"]
    pattern["type"]["not"] = {"enum": sorted({*CATEGORIES, *CATEGORY_OF})}
    pattern["category"]["enum"] = sorted(CATEGORIES)
    pattern["pattern"] |= {"minLength": 1, "maxLength": MAX_EXPRESSION_LENGTH}
    members["required_proofs"]["items"] = {"enum": sorted(PROOFS)}
    members["detectors"]["items"] = {
        "type": "string",
        "pattern": f"^{DETECTOR_PATH}$",
        "examples": list(BUILTIN_DETECTORS),
    }
    return {"$schema": _DIALECT, **schema, "title": "Countersign policy"}
