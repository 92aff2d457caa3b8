#!/usr/bin/env python
"""The command line: `python manage.py help` lists the commands."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    if sys.argv[1:2] == ["verify_package"]:
        # Before any settings: they make a secret and a directory, and an auditor has and needs neither.
        from compliance.package.files import main

        sys.exit(main(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)
