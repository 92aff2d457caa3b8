"""The product's settings with the suite's application, in processes whose clock may be wrong."""

import os
import time
from datetime import timedelta

from django.utils import timezone

from tests.chaos.environment import CLOCK_VARIABLE
from tests.chaos.tickets import real_time

_offset = float(os.environ.get(CLOCK_VARIABLE, "0"))

if _offset:
    # Here, before any application is imported: a module that takes `time` out of `time` has the wrong clock as well.
    _real_now = timezone.now
    time.time = lambda: real_time() + _offset
    timezone.now = lambda: _real_now() + timedelta(seconds=_offset)

from config.settings import *  # noqa: E402, F403
from config.settings import INSTALLED_APPS  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.worker_entry.ChaosConfig"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
