"""PredictionLogs of TensorFlow Serving, serialised by its own protocol definitions.

    pip install tensorflow-cpu==2.15.1 tensorflow-serving-api==2.15.1
    python make_prediction_log.py
"""
import pathlib

import numpy
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from messages import Messages

ROWS = numpy.array([[[0.1, -0.25], [1 / 3, 1]], [[0, 1e-7], [0.5, 0.7]]], numpy.float32)
SCORES = numpy.array([[0.1, 0.7, 0.2], [0.3, 0.3, 0.4]], numpy.float32)
FLAT = [[float(value) for value in row] for row in ROWS.reshape(2, 4)]
ANSWERED = [[float(value) for value in row] for row in SCORES]
out = Messages()


def typed(array, field, dtype):
    """A TensorProto with a list of values, as clients other than TensorFlow write it."""
    proto = tf.make_tensor_proto(numpy.zeros(array.shape), dtype=dtype)
    proto.ClearField("tensor_content")
    for name in ("float_val", "double_val", "int_val", "int64_val", "half_val", "bool_val"):
        proto.ClearField(name)
    getattr(proto, field).extend(array.ravel().tolist())
    return proto


def log(inputs, outputs=None, name="tiny", version=7):
    message = prediction_log_pb2.PredictionLog()
    message.log_metadata.model_spec.name = name
    message.log_metadata.sampling_config.sampling_rate = 0.1
    request = message.predict_log.request
    request.model_spec.name = name
    request.model_spec.signature_name = "serving_default"
    for key, proto in inputs.items():
        request.inputs[key].CopyFrom(proto)
    if outputs is not None:
        response = message.predict_log.response
        response.model_spec.name = name
        response.model_spec.version.value = version
        for key, proto in outputs.items():
            response.outputs[key].CopyFrom(proto)
    return message.SerializeToString(deterministic=True)


def add(title, *args, **expected):
    kwargs = {key: expected.pop(key) for key in ("name", "version_number") if key in expected}
    out.add(title, "prediction-log", log(*args, **kwargs), {}, b"a", "a", **expected)


raw = tf.make_tensor_proto(ROWS)
answer = {"y": tf.make_tensor_proto(SCORES)}
add("raw content", {"x": raw}, answer, rows=FLAT, scores=ANSWERED, version="7")
add("request alone", {"x": raw}, rows=FLAT)
add("typed floats", {"x": typed(ROWS, "float_val", tf.float32)}, {"y": typed(SCORES, "float_val", tf.float32)}, rows=FLAT, scores=ANSWERED, version="7")
add("doubles", {"x": typed(ROWS.astype(float), "double_val", tf.float64)}, rows=FLAT)
add("raw doubles", {"x": tf.make_tensor_proto(ROWS.astype(float))}, rows=FLAT)
half = ROWS.astype(numpy.float16)
add("raw halves", {"x": tf.make_tensor_proto(half)}, rows=half.astype(float).reshape(2, 4).tolist())
add("typed halves", {"x": typed(half.view(numpy.uint16).astype(int), "half_val", tf.float16)}, rows=half.astype(float).reshape(2, 4).tolist())
brain = tf.cast(ROWS, tf.bfloat16)
add("raw bfloat16", {"x": tf.make_tensor_proto(brain.numpy())}, rows=tf.cast(brain, tf.float64).numpy().reshape(2, 4).tolist())
add("bytes", {"x": tf.make_tensor_proto(numpy.array([[[0, 1], [2, 3]]], numpy.uint8))}, rows=[[0, 1, 2, 3]])
add("typed integers", {"x": typed(numpy.array([[0, -1, 2, 3]]), "int64_val", tf.int64)}, {"y": tf.make_tensor_proto(numpy.array([2], numpy.int64))}, rows=[[0, -1, 2, 3]], classes=[2], version="7")
filled = tf.compat.v1.make_tensor_proto(0.5, dtype=tf.float32, shape=[1, 4])
add("one value that fills the shape", {"x": filled}, rows=[[0.5, 0.5, 0.5, 0.5]])
last = typed(numpy.array([0.25, 0.5]), "float_val", tf.float32)
last.tensor_shape.CopyFrom(tf.TensorShape([1, 4]).as_proto())
add("a last value that repeats", {"x": last}, rows=[tf.make_ndarray(last).ravel().tolist()])
add("byte strings", {"x": tf.make_tensor_proto([bytes([0, 1, 2, 3])])}, rows=[[0, 1, 2, 3]])
add("another model", {"x": raw}, name="other", reason="unknown_model")
out.write(pathlib.Path(__file__).with_name("prediction_log.json"))
