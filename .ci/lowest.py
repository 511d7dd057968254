"""Print the lowest versions that pyproject.toml declares, as constraints: python .ci/lowest.py EXTRA... > lowest.txt.

PyTorch is left out: other releases than the pinned one bring gigabytes of CUDA, so the pinned one is tested.
"""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
declared = [
    *project["dependencies"],
    *(one for extra in sys.argv[1:] for one in project["optional-dependencies"][extra]),
]
for requirement in declared:
    found = re.match(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?>=([0-9.]+)", requirement)
    if found and found[1] != "torch":
        sys.stdout.write(f"{found[1]}=={found[2]}\n")
