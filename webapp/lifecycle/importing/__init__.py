"""Bringing appointments over from another system: a file's columns are mapped, its rows checked and written.

``mapping`` says which column means what, ``reading`` takes a file apart, ``facts`` makes a row's text into
facts, ``placing`` gives a time of day to rows without one, ``writing`` stores a batch, ``run`` goes through
the file. Bad rows are reported and left out whole; nothing here commits.
"""
