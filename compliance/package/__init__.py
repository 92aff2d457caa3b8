"""The audit package of a workflow: its layout, what it says, and its verification.

Needs neither Django nor a database nor any secret; standard library and `cryptography` only.
"""

from compliance.package.layout import FORMAT
from compliance.package.report import CheckResult, VerificationReport
from compliance.package.verification import verify_package

__all__ = ["FORMAT", "CheckResult", "VerificationReport", "verify_package"]
