"""Prints the operations that a simulator supports: operations.py SIMULATOR."""

import sys

from check import supported
from models import load

for operation in sorted(supported(sys.argv[1], load()), key=str):
    print(operation)
