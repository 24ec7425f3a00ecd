"""What NumPy reads in an .npz file that our writer made: values, types and shapes, for npz.test.ts beside this file.

    npm run build
    node test/golden/npz/write.cjs > written.npz
    python make_npz.py written.npz

Made with numpy 2.x. The file is kept beside what was read, so that a change of the writer shows.
"""
import base64
import io
import json
import pathlib
import sys
import zipfile

import numpy

content = pathlib.Path(sys.argv[1]).read_bytes()
with zipfile.ZipFile(io.BytesIO(content)) as archive:
    assert archive.testzip() is None, "a checksum is wrong"
    assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def plain(value):
    """Numbers that JSON does not know, by name."""
    return value if numpy.isfinite(value) else str(value)


read = {}
with numpy.load(io.BytesIO(content), allow_pickle=False) as archive:
    for name in archive.files:
        array = archive[name]
        read[name] = {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "values": [plain(value) for value in array.ravel().tolist()],
        }
target = pathlib.Path(__file__).with_name("npz.json")
target.write_text(json.dumps({"file": base64.b64encode(content).decode(), "read": read}, indent=2) + "\n")
