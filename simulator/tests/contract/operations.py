"""Prints the operations that a simulator has: operations.py SIMULATOR."""

import sys

from check import here
from models import load

for operation in sorted(here(sys.argv[1], load()), key=str):
    print(operation)
