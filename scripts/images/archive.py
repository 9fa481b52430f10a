"""Writes an image as an OCI archive that `ctr images import` reads.

archive.py FOLDER IMAGE ARCHIVE [DIGEST...]: FOLDER is what `buildah push IMAGE dir:FOLDER` made; the layers named by
DIGEST are left out.
"""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path


def add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def main(folder: Path, image: str, target: str, *left_out: str) -> None:
    manifest_bytes = (folder / "manifest.json").read_bytes()
    manifest = json.loads(manifest_bytes)
    manifest_digest = "sha256:" + hashlib.sha256(manifest_bytes).hexdigest()
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": manifest.get("mediaType", "application/vnd.oci.image.manifest.v1+json"),
                "digest": manifest_digest,
                "size": len(manifest_bytes),
                "annotations": {
                    "io.containerd.image.name": image,
                    "org.opencontainers.image.ref.name": image.rpartition(":")[2],
                },
            }
        ],
    }
    blobs = [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
    with tarfile.open(target, "w") as archive:
        add_bytes(archive, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        add_bytes(archive, "index.json", json.dumps(index).encode())
        add_bytes(archive, "blobs/" + manifest_digest.replace(":", "/"), manifest_bytes)
        for digest in dict.fromkeys(blobs):
            if digest not in left_out:
                archive.add(folder / digest.partition(":")[2], "blobs/" + digest.replace(":", "/"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
