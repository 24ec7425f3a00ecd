"""MLServer serving an ONNX file, as somebody would who deploys one: a custom runtime on onnxruntime.

    python mlserver_onnx.py MODEL.onnx NAME HTTP_PORT GRPC_PORT METRICS_PORT
"""
import asyncio
import sys

import onnxruntime
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.errors import InferenceError
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor

HOST = "127.0.0.1"


class OnnxModel(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"]
        )
        [self.given], [self.gives] = self.session.get_inputs(), self.session.get_outputs()
        self.inputs = [tensor_of(self.given)]
        self.outputs = [tensor_of(self.gives)]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        [tensor] = payload.inputs
        if tensor.name != self.given.name or list(tensor.shape)[1:] != self.given.shape[1:]:
            raise InferenceError(f"expected {self.given.name} {self.given.shape}, got {tensor.name} {tensor.shape}")
        values = NumpyCodec.decode_input(tensor)
        [scores] = self.session.run(None, {self.given.name: values.astype("float32")})
        return InferenceResponse(
            id=payload.id,
            model_name=self.name,
            model_version=self.version,
            outputs=[NumpyCodec.encode_output(self.gives.name, scores)],
        )


def tensor_of(port) -> MetadataTensor:
    return MetadataTensor(name=port.name, datatype="FP32", shape=[-1, *port.shape[1:]])


async def main(path: str, name: str, http_port: str, grpc_port: str, metrics_port: str) -> None:
    settings = Settings(
        host=HOST,
        http_port=int(http_port),
        grpc_port=int(grpc_port),
        metrics_port=int(metrics_port),
        parallel_workers=0,
    )
    model = ModelSettings(
        name=name,
        implementation=OnnxModel,
        parameters=ModelParameters(uri=path, version="1"),
    )
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
