"""KServe's inference events as its logger puts them on Kafka: bodies written by KServe's own client, CloudEvents by the
CloudEvents SDK in both content modes; and the same requests as protobuf, which is what Seldon's topics carry.

    pip install kserve==0.21.0 cloudevents==1.13.0
    python make_kserve.py
"""
import gzip
import json
import pathlib

import numpy
from cloudevents.http import CloudEvent
from cloudevents.kafka import to_binary, to_structured
from kserve import InferInput, InferOutput, InferRequest, InferResponse
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb

from messages import Messages

ROWS = numpy.array([[[0.1, -0.25], [1 / 3, 1]], [[0, 1e-7], [0.5, 0.7]]], numpy.float32)
SCORES = numpy.array([[0.1, 0.7, 0.2], [1 / 3, 1 / 3, 1 / 3]], numpy.float32)
FLAT = [[float(value) for value in row] for row in ROWS.reshape(2, 4)]
ANSWERED = [[float(value) for value in row] for row in SCORES]
ATTRIBUTES = {
    "source": "http://localhost:9081/",
    "id": "0009174a",
    "time": "2021-04-10T00:23:26.078000Z",
    "inferenceservicename": "tiny",
    "namespace": "default",
    "component": "predictor",
    "endpoint": "",
    "metadata": "{}",
}


def event(kind, data, content_type="application/json"):
    attributes = {**ATTRIBUTES, "type": f"org.kubeflow.serving.inference.{kind}", "datacontenttype": content_type}
    return CloudEvent(attributes, data)


def body_of(rest):
    """Bytes and the length of the JSON part, of what to_rest returns."""
    content, _ = rest
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def request(datatype, array, binary):
    tensor = InferInput("x", list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return InferRequest("tiny", [tensor], request_id="own")


def response(array, binary):
    tensor = InferOutput("y", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return InferResponse("own", "tiny", [tensor])


out = Messages()
BODIES = {
    "V1 request": ("request", json.dumps({"instances": ROWS.tolist()}).encode(), {"rows": FLAT}),
    "V1 response": ("response", json.dumps({"predictions": SCORES.tolist()}).encode(), {"scores": ANSWERED}),
    "OIP request": ("request", body_of(request("FP32", ROWS, False).to_rest()), {"rows": FLAT}),
    "OIP binary request": ("request", body_of(request("FP32", ROWS, True).to_rest()), {"rows": FLAT}),
    "OIP binary FP64 request": ("request", body_of(request("FP64", ROWS.astype(numpy.float64), True).to_rest()), {"rows": FLAT}),
    "OIP binary FP16 request": (
        "request",
        body_of(request("FP16", ROWS.astype(numpy.float16), True).to_rest()),
        {"rows": ROWS.astype(numpy.float16).astype(float).reshape(2, 4).tolist()},
    ),
    "OIP binary UINT8 request": (
        "request",
        body_of(request("UINT8", numpy.arange(4, dtype=numpy.uint8).reshape(1, 2, 2), True).to_rest()),
        {"rows": [[0, 1, 2, 3]]},
    ),
    "OIP INT64 request": (
        "request",
        body_of(request("INT64", numpy.arange(4, dtype=numpy.int64).reshape(1, 4), False).to_rest()),
        {"rows": [[0, 1, 2, 3]]},
    ),
    "OIP response": ("response", body_of(response(SCORES, False).to_rest()), {"scores": ANSWERED}),
    "OIP binary response": ("response", body_of(response(SCORES, True).to_rest()), {"scores": ANSWERED}),
}
for name, (kind, body, expected) in BODIES.items():
    message = to_binary(event(kind, body), data_marshaller=lambda data: data)
    out.add(f"{name}, binary mode", "kserve", message.value, message.headers, message.key, event_id="0009174a", **expected)
    packed = gzip.compress(body, mtime=0)
    out.add(f"{name}, packed", "kserve", packed, message.headers, message.key, event_id="0009174a", **expected)
    message = to_structured(event(kind, body, "application/octet-stream"), data_marshaller=lambda data: data)
    out.add(f"{name}, structured mode with bytes", "kserve", message.value, message.headers, message.key, event_id="0009174a", **expected)
    if "binary" not in name:
        message = to_structured(event(kind, json.loads(body)))
        out.add(f"{name}, structured mode", "kserve", message.value, message.headers, message.key, event_id="0009174a", **expected)

SELDON = {"seldon-infer-type": "proto/InferModelRequest", "x-request-id": "abc"}
ANSWER = {"seldon-infer-type": "proto/InferModelResponse", "x-request-id": "abc"}
raw = request("FP32", ROWS, True).to_grpc()
out.add("Seldon request, raw contents", "seldon", raw.SerializeToString(), SELDON, event_id="abc", rows=FLAT)
typed = pb.ModelInferRequest(model_name="tiny_1", id="own")
tensor = typed.inputs.add(name="x", datatype="FP32", shape=[2, 2, 2])
tensor.contents.fp32_contents.extend(ROWS.ravel().tolist())
out.add("Seldon request, typed contents", "seldon", typed.SerializeToString(), SELDON, event_id="abc", rows=FLAT)
answer = pb.ModelInferResponse(model_name="tiny_1", model_version="1", id="own")
tensor = answer.outputs.add(name="y", datatype="FP64", shape=[2, 3])
tensor.contents.fp64_contents.extend(SCORES.astype(float).ravel().tolist())
out.add("Seldon response, typed contents", "seldon", answer.SerializeToString(), ANSWER, event_id="abc", scores=ANSWERED, version="1")
out.add("Seldon response, classes", "seldon", pb.ModelInferResponse(
    model_name="tiny_1",
    outputs=[pb.ModelInferResponse.InferOutputTensor(
        name="y", datatype="INT64", shape=[2], contents=pb.InferTensorContents(int64_contents=[2, 0]))],
).SerializeToString(), ANSWER, event_id="abc", classes=[2, 0])
out.write(pathlib.Path(__file__).with_name("kserve.json"))
