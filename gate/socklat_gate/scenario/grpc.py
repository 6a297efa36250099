"""``[load.grpc]``: where the types of driver grpc's messages come from.  Models only."""

from __future__ import annotations

from pydantic import Field, model_validator

from socklat_gate.scenario.strict import StrictModel

__all__ = ["Grpc"]


class Grpc(StrictModel):
    """Without descriptor_set and proto the service is asked, by server reflection."""

    descriptor_set: str | None = Field(
        None,
        min_length=1,
        description="file with the types of the methods, as `protoc --include_imports "
        "--descriptor_set_out` writes it",
        examples=["shop.binpb"],
    )
    proto: str | None = Field(
        None,
        min_length=1,
        description="file that declares the methods; it is compiled by grpcio-tools or protoc",
        examples=["shop.proto"],
    )
    import_paths: list[str] = Field(
        default_factory=list,
        description="directories of what proto imports; default: that of proto",
        examples=[["protos"]],
    )

    @model_validator(mode="after")
    def _one_source(self) -> Grpc:
        if self.descriptor_set is not None and self.proto is not None:
            raise ValueError("give descriptor_set or proto, not both (neither: server reflection)")
        if self.import_paths and self.proto is None:
            raise ValueError("import_paths are those of proto, which is not given")
        return self
