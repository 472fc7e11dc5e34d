# noqa: INP001 - a script beside the protos, not a package
"""The buf plugin that writes gRPC's Python stubs: grpcio-tools' own generator, fed descriptors.

buf knows `python` and `pyi` of protoc itself; `grpc_python` lives only inside grpcio-tools. This
reads a CodeGeneratorRequest from stdin and answers with what that generator writes, so that
`make proto` is one command.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc


def answer(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """Return the stubs of every file that the request asks for; files without services get none."""
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "descriptors.binpb")
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        served = {file.name for file in request.proto_file if file.service}
        wanted = [name for name in request.file_to_generate if name in served]
        response = CodeGeneratorResponse(
            supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
        )
        arguments = ["protoc", f"--descriptor_set_in={descriptors}", f"--grpc_python_out={folder}"]
        if wanted and protoc.main([*arguments, *wanted]) != 0:
            response.error = "grpc_tools.protoc failed"
            return response
        for path in sorted(Path(folder).rglob("*.py")):
            response.file.add(
                name=path.relative_to(folder).as_posix(), content=path.read_text("utf-8")
            )
    return response


if __name__ == "__main__":
    read = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(answer(read).SerializeToString())
