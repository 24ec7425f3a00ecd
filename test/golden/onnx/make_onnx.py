"""What onnx and onnxruntime make of the files that our exporter writes, for onnx.test.ts beside this file.

    npm run build
    node test/golden/onnx/write.cjs written
    python make_onnx.py written

Every file passes onnx.checker with full shape inference, and is computed by onnxruntime and by ONNX's own reference
implementation, which agree. The files are kept beside what was computed, so that a change of the exporter shows.
Versions are in the result.
"""
import base64
import json
import pathlib
import sys

import numpy
import onnx
import onnx.reference
import onnxruntime

ROWS = 5
random = numpy.random.default_rng(0)
cases = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [given], [gives] = session.get_inputs(), session.get_outputs()
    assert (given.name, gives.name) == ("inputs", "outputs")
    shape = given.shape[1:]
    inputs = random.integers(0, 256, size=[ROWS, *shape]).astype(numpy.float32) / 256
    [outputs] = session.run(None, {given.name: inputs})
    [again] = onnx.reference.ReferenceEvaluator(model).run(None, {given.name: inputs})
    numpy.testing.assert_allclose(outputs, again, rtol=1e-4, atol=1e-5)
    cases[path.stem] = {
        "file": base64.b64encode(path.read_bytes()).decode(),
        "shape": shape,
        "inputs": inputs.ravel().tolist(),
        "outputs": outputs.ravel().tolist(),
    }
versions = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
target = pathlib.Path(__file__).with_name("onnx.json")
target.write_text(json.dumps({"versions": versions, "cases": cases}) + "\n")
