"""NVIDIA Triton, the C++ server on the CPU, serving an ONNX file through its Python backend and onnxruntime.

    python triton_onnx.py MODEL.onnx NAME HTTP_PORT GRPC_PORT METRICS_PORT
"""
import sys

import numpy
import onnxruntime
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

HOST = "127.0.0.1"


def main(path: str, name: str, http_port: str, grpc_port: str, metrics_port: str) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    [given], [gives] = session.get_inputs(), session.get_outputs()

    @batch
    def infer(**inputs):
        [scores] = session.run(None, inputs)
        return {gives.name: scores}

    settings = TritonConfig(
        http_address=HOST,
        http_port=int(http_port),
        grpc_address=HOST,
        grpc_port=int(grpc_port),
        metrics_address=HOST,
        metrics_port=int(metrics_port),
    )
    with Triton(config=settings) as server:
        server.bind(
            model_name=name,
            infer_func=infer,
            inputs=[Tensor(name=given.name, dtype=numpy.float32, shape=given.shape[1:])],
            outputs=[Tensor(name=gives.name, dtype=numpy.float32, shape=gives.shape[1:])],
            config=ModelConfig(max_batch_size=16, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
            strict=True,
        )
        server.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
