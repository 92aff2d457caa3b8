"""The chaos suite: workers, database and models come to harm while workflows run, and then it is counted.

`python -m tests.chaos --seed 7` runs one seed, `--seeds 20` twenty. docs/explanation/chaos.md says what is done.
"""
