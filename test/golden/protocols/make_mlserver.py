"""MLServer's Kafka messages, built by MLServer's own codecs and message class.

    pip install mlserver==1.7.1
    python make_mlserver.py
"""
import pathlib

import numpy
from mlserver.codecs import NumpyCodec, NumpyRequestCodec
from mlserver.kafka.message import KafkaMessage
from mlserver.types import InferenceRequest, InferenceResponse, Parameters

from messages import Messages

ROWS = numpy.array([[0.1, -0.25, 1 / 3, 1], [0, 1e-7, 0.5, 0.7]], numpy.float32)
SCORES = numpy.array([[0.1, 0.7, 0.2], [0.3, 0.3, 0.4]])
FLAT = [[float(value) for value in row] for row in ROWS]
ANSWERED = [[float(numpy.float32(value)) for value in row] for row in SCORES]

out = Messages()


def add(name, key, payload, headers, event_id, **expected):
    message = KafkaMessage.from_types(key, payload, headers)
    out.add(name, "mlserver", message.encoded_value, message.encoded_headers, message.encoded_key or None, event_id, **expected)


MODEL = {"mlserver-model": "tiny", "mlserver-version": "v2"}
request = NumpyRequestCodec.encode_request(ROWS)
request.id = "own"
add("request, key before id", "key", request, MODEL, "key", rows=FLAT)
add("request, id of the body", None, request, MODEL, "own", rows=FLAT)
add("request of another model", "key", request, {"mlserver-model": "other"}, "key", reason="unknown_model")
doubles = InferenceRequest(id="d", inputs=[NumpyCodec.encode_input("x", ROWS.astype(float))])
add("request in doubles", "key", doubles, MODEL, "key", rows=FLAT)
missing = InferenceRequest(inputs=[NumpyCodec.encode_input("x", numpy.array([[0.5, numpy.nan, 0, 1]], numpy.float32))])
add("request with NaN", "key", missing, MODEL, "key", reason="not_finite")
response = InferenceResponse(
    id="key", model_name="tiny", model_version="v2",
    parameters=Parameters(headers={"Ce-Id": "key"}),
    outputs=[NumpyCodec.encode_output("probabilities", SCORES)],
)
add("response", "key", response, {"Ce-Id": "key"}, "key", scores=ANSWERED, version="v2")
classes = InferenceResponse(
    id="key", model_name="tiny", outputs=[NumpyCodec.encode_output("predict", numpy.array([[2], [0]]))]
)
add("response with classes", "key", classes, {}, "key", classes=[2, 0])
both = InferenceResponse(id="key", model_name="tiny", outputs=[
    NumpyCodec.encode_output("predict", numpy.array([1, 2])),
    NumpyCodec.encode_output("predict_proba", SCORES),
])
add("response with classes and scores", "key", both, {}, "key", scores=ANSWERED)
out.write(pathlib.Path(__file__).with_name("mlserver.json"))
