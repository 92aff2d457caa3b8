"""Print the URL of the PostgreSQL that the suite may use. `python -m tests.find_postgresql`

Exit status 0: a server answers, its URL is on standard output. 3: none was named and none answers, said
loudly. 1: the one that TEST_DATABASE_URL names does not answer, which is a failure.
"""

import os
import sys

import psycopg

DEFAULT_URL = "postgresql://postgres@127.0.0.1:5432/postgres"


def main() -> int:
    named = os.environ.get("TEST_DATABASE_URL", "")
    url = named or DEFAULT_URL
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        if named:
            print(f"TEST_DATABASE_URL: the server does not let us in: {error}", file=sys.stderr)
            return 1
        line = "!" * 100
        print(
            f"{line}\n!! THE POSTGRESQL HALF OF THE SUITE DID NOT RUN: no server lets user postgres in at "
            "127.0.0.1:5432.\n!! Start one, or set TEST_DATABASE_URL=postgresql://user:password@host:5432/database "
            f"(the user creates databases).\n{line}",
            file=sys.stderr,
        )
        return 3
    print(url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
