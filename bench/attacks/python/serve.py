"""Answers questions of the benchmark, one JSON object a line: `{"op": name, ...}` gives `@@{"result": ...}`.

Operations are the functions of the modules below that are named there; libraries are loaded when first asked for.
"""

import importlib
import json
import math
import os
import sys
import traceback
import warnings

OPERATIONS = {
    "versions": "machine",
    "scores": "verdict",
    "reference": "verdict",
    "confirm": "verdict",
    "minimum_norm": "distances",
    "decisions": "distances",
    "speed": "speed",
    "autoattack_seconds": "speed",
}


def main():
    warnings.filterwarnings("ignore")
    import torch

    threads = os.environ.get("TEMPER_PEER_THREADS")
    if threads:
        torch.set_num_threads(int(threads))
    if "--check" in sys.argv:
        from machine import versions

        print(versions())
        return
    for line in sys.stdin:
        request = json.loads(line)
        op = request.pop("op")
        try:
            answer = {"result": getattr(importlib.import_module(OPERATIONS[op]), op)(**request)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print("@@" + json.dumps(finite(answer), allow_nan=False), flush=True)


def finite(value):
    """JSON has no infinity and no NaN: null stands for both."""
    if isinstance(value, dict):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    main()
