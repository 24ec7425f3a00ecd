"""Archives as NumPy writes them, stored and deflated, for npz-read.test.ts beside this file.

    python make_npz_read.py

Made with numpy 2.x.
"""
import base64
import io
import json
import pathlib

import numpy

rng = numpy.random.default_rng(0)
arrays = {
    "adversarial": rng.random((3, 4), dtype=numpy.float32),
    "inputs": rng.random((3, 2, 2)),
    "labels": numpy.arange(-2, 3, dtype=numpy.int64),
    "small": numpy.array([1, 255], dtype=numpy.uint8),
    "flags": numpy.array([True, False]),
    "scalar": numpy.array(2.5),
    "none": numpy.zeros((0, 4), dtype=numpy.float32),
}


def archive(save):
    stream = io.BytesIO()
    save(stream, **arrays)
    return base64.b64encode(stream.getvalue()).decode()


golden = {
    "stored": archive(numpy.savez),
    "deflated": archive(numpy.savez_compressed),
    "fortran": archive(lambda stream, **_: numpy.savez(stream, x=numpy.asfortranarray(numpy.eye(2, 3)))),
    "text": archive(lambda stream, **_: numpy.savez(stream, x=numpy.array(["a", "b"]))),
    "read": {
        name: {"shape": list(array.shape), "values": [float(value) for value in array.ravel()]}
        for name, array in arrays.items()
    },
}
pathlib.Path(__file__).with_name("npz-read.json").write_text(json.dumps(golden, indent=2) + "\n")
