"""How well inspection finds what it looks for, measured on labelled corpora that a seed generates."""
