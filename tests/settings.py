"""The settings of the test suite: a directory and a database of its own for every process, nothing else
relaxed."""

import os
import tempfile

# Before the settings are read: each xdist worker is a process of its own and gets a directory of its own.
os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="countersign-tests-")
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "")
for _name in (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
):
    os.environ.pop(_name, None)

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, VAR_DIR  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: only a file has the locks that the product runs with. Nothing of it needs to
    # survive.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
    _pragmas = DATABASES["default"]["OPTIONS"]["init_command"]
    DATABASES["default"]["OPTIONS"]["init_command"] = _pragmas.replace("synchronous=FULL", "synchronous=OFF")
else:
    _run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))[:12]
    DATABASES["default"]["TEST"] = {"NAME": f"test_countersign_{_run}"}
    DATABASES["default"]["CONN_MAX_AGE"] = 0

CACHES = {
    name: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": name}
    for name in ("default", "queue")
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Every test client loads the middleware anew: files are looked up when they are asked for, not all beforehand.
WHITENOISE_AUTOREFRESH = True
