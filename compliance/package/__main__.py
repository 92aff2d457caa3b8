import sys

from compliance.package.files import main

sys.exit(main())
