# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a collection's tarball anew, so that the same content gives the same bytes: repack.py FROM TO.

ansible-galaxy lists files in the order of the file system and notes when it packed them, and in whose name.
"""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

source, target = sys.argv[1:]
epoch = int(os.environ["SOURCE_DATE_EPOCH"])

with tarfile.open(source) as tar:
    members = sorted(((m, tar.extractfile(m).read() if m.isfile() else b"") for m in tar), key=lambda pair: pair[0].name)
contents = {member.name: content for member, content in members}

files = json.loads(contents["FILES.json"])
files["files"].sort(key=lambda entry: entry["name"])
contents["FILES.json"] = json.dumps(files, indent=True).encode()
manifest = json.loads(contents["MANIFEST.json"])
manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(contents["FILES.json"]).hexdigest()
contents["MANIFEST.json"] = json.dumps(manifest, indent=True).encode()

with open(target, "wb") as out, gzip.GzipFile("", "wb", compresslevel=9, fileobj=out, mtime=epoch) as packed:
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member, dummy in members:
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.pax_headers = {}
            content = contents[member.name]
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
