"""Requests and answers of the Open Inference Protocol as NVIDIA's client writes and reads them, for oip.test.ts beside this file.

    pip install tritonclient[all]==2.73.0
    python make_oip.py
"""
import base64
import json
import pathlib

import numpy
import tritonclient.grpc as grpc
import tritonclient.http as http
from tritonclient.grpc import service_pb2

TYPES = {
    "BOOL": numpy.array([[True, False, True]]),
    "UINT8": numpy.array([[0, 255, 7]], numpy.uint8),
    "INT8": numpy.array([[-128, 127, 0]], numpy.int8),
    "UINT16": numpy.array([[0, 65535]], numpy.uint16),
    "INT16": numpy.array([[-32768, 32767]], numpy.int16),
    "UINT32": numpy.array([[4294967295]], numpy.uint32),
    "INT32": numpy.array([[-2147483648, 2147483647]], numpy.int32),
    "UINT64": numpy.array([[9007199254740991]], numpy.uint64),
    "INT64": numpy.array([[-9007199254740991, 5]], numpy.int64),
    "FP16": numpy.array([[1, -2.5, 65504, 6e-8, 0.1]], numpy.float16),
    "FP32": numpy.array([[0.1, -3.25, 1e-40, 3.4e38]], numpy.float32),
    "FP64": numpy.array([[0.1, -1e300]], numpy.float64),
    "BYTES": numpy.array([["α".encode(), b"", b"\x00\xff"]], numpy.object_),
}


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def plain(array) -> list:
    return [b64(value) if isinstance(value, bytes) else value.item() for value in array.ravel()]


def rest_request(binary: bool, types) -> dict:
    inputs = []
    for datatype in types:
        given = http.InferInput(datatype.lower(), TYPES[datatype].shape, datatype)
        given.set_data_from_numpy(TYPES[datatype], binary_data=binary)
        inputs.append(given)
    outputs = [http.InferRequestedOutput("scores", binary_data=binary)]
    body, length = http.InferenceServerClient.generate_request_body(
        inputs, outputs=outputs, request_id="42", parameters={"bias-ignore": "true"}
    )
    return {"body": b64(body if isinstance(body, bytes) else body.encode()), "length": length, "types": list(types)}


def grpc_request(types) -> dict:
    inputs = []
    for datatype in types:
        given = grpc.InferInput(datatype.lower(), TYPES[datatype].shape, datatype)
        given.set_data_from_numpy(TYPES[datatype])
        inputs.append(given)
    from tritonclient.grpc._utils import _get_inference_request

    request = _get_inference_request(
        model_name="digits", inputs=inputs, model_version="3", request_id="42", outputs=None, sequence_id=0,
        sequence_start=False, sequence_end=False, priority=0, timeout=None, parameters={"bias-ignore": "true"},
    )
    return {"body": b64(request.SerializeToString()), "types": list(types)}


def typed_response() -> dict:
    """Typed contents, as some servers send instead of raw ones."""
    response = service_pb2.ModelInferResponse(model_name="digits", model_version="3", id="42")
    for name, datatype, field, values in [
        ("scores", "FP32", "fp32_contents", [0.5, -1.25]),
        ("class", "INT64", "int64_contents", [7, -1]),
        ("odd", "BOOL", "bool_contents", [True, False]),
    ]:
        output = response.outputs.add(name=name, datatype=datatype, shape=[1, len(values)])
        getattr(output.contents, field).extend(values)
    return {"body": b64(response.SerializeToString())}


text_types = [name for name in TYPES if name not in ("FP16", "BYTES")]
target = pathlib.Path(__file__).with_name("oip.json")
target.write_text(
    json.dumps(
        {
            "values": {name: {"shape": list(array.shape), "values": plain(array)} for name, array in TYPES.items()},
            "binary": rest_request(True, TYPES),
            "json": rest_request(False, text_types),
            "grpc": grpc_request(TYPES),
            "typed": typed_response(),
        },
        indent=1,
    )
    + "\n"
)
