"""KServe's model server serving an ONNX file, as somebody would who deploys one: a custom model on onnxruntime.

    python kserve_onnx.py MODEL.onnx NAME HTTP_PORT GRPC_PORT
"""
import sys

import kserve
import onnxruntime
import uvicorn
from kserve.protocol.infer_type import InferOutput, InferRequest, InferResponse

HOST = "127.0.0.1"


class OnnxModel(kserve.Model):
    def __init__(self, name: str, path: str):
        super().__init__(name)
        self.path = path

    def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        [self.given], [self.gives] = self.session.get_inputs(), self.session.get_outputs()
        self.ready = True
        return True

    async def get_input_types(self):
        return [tensor_of(self.given)]

    async def get_output_types(self):
        return [tensor_of(self.gives)]

    async def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        [tensor] = payload.inputs
        [scores] = self.session.run(None, {self.given.name: tensor.as_numpy().astype("float32")})
        output = InferOutput(name=self.gives.name, shape=list(scores.shape), datatype="FP32")
        output.set_data_from_numpy(scores, binary_data=asks_for_bytes(payload))
        return InferResponse(response_id=payload.id, model_name=self.name, infer_outputs=[output])


def tensor_of(port) -> dict:
    return {"name": port.name, "datatype": "FP32", "shape": [-1, *port.shape[1:]]}


def asks_for_bytes(request: InferRequest) -> bool:
    parameters = request.parameters or {}
    return request.from_grpc or bool(parameters.get("binary_data_output"))


def stay_on_loopback() -> None:
    """The server's own settings listen to every interface."""
    make = uvicorn.Config.__init__

    def made(self, *args, **settings):
        make(self, *args, **{**settings, "host": HOST})

    uvicorn.Config.__init__ = made


def main(path: str, name: str, http_port: str, grpc_port: str) -> None:
    stay_on_loopback()
    model = OnnxModel(name, path)
    model.load()
    server = kserve.ModelServer(http_port=int(http_port), grpc_port=int(grpc_port), workers=1)
    server.start([model])


if __name__ == "__main__":
    main(*sys.argv[1:])
