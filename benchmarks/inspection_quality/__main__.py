"""`python -m benchmarks.inspection_quality`: measure, print the table, write it into docs/inspection.md."""

import sys

from benchmarks.inspection_quality.report import main

sys.exit(main(sys.argv[1:]))
