#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh LOCK PYTHON [FOLDER]: add exactly the packages of LOCK to PYTHON's environment, or put
# them into FOLDER, for those who have it on their path.
#
# Runs while an image is built, in one layer: what it needs itself is gone at its end. Byte code
# is compiled here, for the root filesystem of a pod is read-only and every start would compile
# again; unchecked-hash, for it stays valid whatever a builder does to the files' times.
set -eu
lock=$1
python=$2
folder=${3:-}
here=$(dirname "$(readlink -f "$0")")
certificates=/etc/ssl/certs/ca-certificates.crt # the system's: a company's own authority counts

if ! command -v uv >/dev/null; then
    python3 -m venv /opt/installer
    /opt/installer/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
        --cert "$certificates" --require-hashes -r "$here/build.txt"
    PATH=$PATH:/opt/installer/bin
fi

before=$(mktemp)
SSL_CERT_FILE=$certificates uv pip install --quiet --link-mode copy --python "$python" \
    --break-system-packages --no-deps --require-hashes ${folder:+--target "$folder"} -r "$lock"
# Only the new files; and some packages carry files for other Pythons, which do not compile.
packages=${folder:-$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')}
find "$packages" -name '*.py' -cnewer "$before" |
    "$python" -m compileall -qq -j 0 --invalidation-mode unchecked-hash -i - || true
rm -rf "$before" /opt/installer
