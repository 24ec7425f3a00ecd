#!/usr/bin/env bash
# Builds tfjs-node, the native compute engine, where its own download of TensorFlow's library fails. The library and its
# headers are taken from TensorFlow's Python package (only unpacked, never run) and the addon is compiled against them.
# Idempotent: a second run checks what is there and ends. Touches nothing of node_modules but tfjs-node and what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly WHEEL='tensorflow-cpu==2.15.1'
readonly WHEEL_SHA256='102b27b17e5f6023886b0cb07835af56cd135b845c1b92e597018ba77e54e480'
readonly RECIPE="$WHEEL addon-napi8 1" # raise the last number when a step below changes what it leaves
readonly PACKAGE="$PWD/node_modules/@tensorflow/tfjs-node"
readonly ADDON_DIR="$PACKAGE/lib/napi-v8"
readonly STAMP="$PACKAGE/.temper-native"
readonly PROBE='dist/src/engine/native-probe.js'
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/temper"
readonly LIBRARY="$CACHE/${WHEEL/==/-}"

say() { printf 'native: %s\n' "$*"; }
fail() {
  printf 'native: %s\n' "$*" >&2
  exit 1
}
need() { command -v "$1" >/dev/null || fail "expected $1 on the PATH: $2"; }

# Loads the addon in a process of its own and computes a convolution's gradients.
works() { node "$PROBE" 2>"$1"; }

# Built by another version of this script. One that tfjs-node installed itself has no stamp and is left alone.
is_outdated() { [ -f "$STAMP" ] && [ "$(cat "$STAMP")" != "$RECIPE" ]; }

# The library's folder exists only when it is whole: it is filled beside its place and renamed.
fetch_library() {
  if [ -d "$LIBRARY" ]; then
    say "TensorFlow's library is in $LIBRARY"
    return
  fi
  mkdir -p "$CACHE"
  local scratch
  scratch=$(mktemp -d "$CACHE/unpacking.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  say "fetching $WHEEL (207 MB; 0.6 GB unpacked into $CACHE)"
  printf '%s --hash=sha256:%s\n' "$WHEEL" "$WHEEL_SHA256" >"$scratch/requirements.txt"
  python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: \
    --implementation cp --python-version 3.9 --abi cp39 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --dest "$scratch" --requirement "$scratch/requirements.txt" ||
    fail "$WHEEL could not be fetched; the reason is above. WebAssembly needs none of this."
  unpack "$scratch"
  mv -T "$scratch/library" "$LIBRARY" 2>/dev/null || [ -d "$LIBRARY" ] # another run may have been first
  rm -rf "$scratch"
  trap - EXIT
}

unpack() {
  say 'unpacking libraries and headers'
  python3 - "$1" <<'PYTHON'
import pathlib, sys, zipfile

scratch = pathlib.Path(sys.argv[1])
headers = tuple('tensorflow/include/' + name + '/' for name in ('tensorflow/c', 'tensorflow/core/platform', 'tensorflow/tsl', 'tsl'))
libraries = ('libtensorflow_cc.so.2', 'libtensorflow_framework.so.2')
(wheel,) = scratch.glob('*.whl')
target = scratch / 'library'
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        base = name.rsplit('/', 1)[-1]
        if name == 'tensorflow/' + base and base in libraries:
            place = target / 'lib' / base
        elif name.startswith(headers) and base:
            place = target / 'include' / name[len('tensorflow/include/'):]
        else:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, open(place, 'wb') as out:
            while block := source.read(1 << 20):
                out.write(block)
for library in libraries:
    if not (target / 'lib' / library).is_file():
        sys.exit(f'native: expected {wheel.name} to hold {library}')
for link, of in (('libtensorflow.so', libraries[0]), ('libtensorflow.so.2', libraries[0]), ('libtensorflow_framework.so', libraries[1])):
    (target / 'lib' / link).symlink_to(of)
PYTHON
}

# npm removes the package when its own download fails; its version is the one that package.json pins.
install_package() {
  [ -f "$PACKAGE/binding.gyp" ] && return
  local version
  version=$(node -p "require('./package.json').optionalDependencies['@tensorflow/tfjs-node']")
  say "adding @tensorflow/tfjs-node $version without its install script"
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error "@tensorflow/tfjs-node@$version" >/dev/null ||
    fail "@tensorflow/tfjs-node $version could not be installed; the reason is above."
}

link_library() {
  mkdir -p "$PACKAGE/deps"
  local part
  for part in lib include; do
    rm -rf "${PACKAGE:?}/deps/$part"
    ln -s "$LIBRARY/$part" "$PACKAGE/deps/$part"
  done
}

build_addon() {
  local gyp="${npm_config_node_gyp:-}" prefix log
  [ -f "$gyp" ] || gyp="$(dirname "$(readlink -f "$(command -v npm)")")/../node_modules/node-gyp/bin/node-gyp.js"
  [ -f "$gyp" ] || fail "expected npm's own node-gyp at $gyp: run this as 'npm run native'"
  prefix=$(dirname "$(dirname "$(node -p process.execPath)")")
  local headers=()
  # Without headers beside node, node-gyp fetches them.
  [ -f "$prefix/include/node/node_api.h" ] && headers=("--nodedir=$prefix")
  log=$(mktemp)
  say 'compiling the addon'
  (
    cd "$PACKAGE"
    node "$gyp" rebuild "${headers[@]}" --release --napi_version=9 --napi_build_version=8 \
      --module_name=tfjs_binding --module="$ADDON_DIR/tfjs_binding.node" --module_path="$ADDON_DIR"
  ) >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    fail "the addon did not compile; the end of the log is above, all of it in $log"
  }
  rm -f "$log"
}

main() {
  [ "$(uname -sm)" = 'Linux x86_64' ] ||
    fail "expected Linux on x86-64, got $(uname -sm). There, tfjs-node's own installation is the way: npm rebuild @tensorflow/tfjs-node"
  [ -f package-lock.json ] && [ -d node_modules ] || fail "expected installed packages: run 'npm ci' first"
  [ -f "$PROBE" ] || npm run --silent build
  local complaint
  complaint=$(mktemp)
  if [ -f "$ADDON_DIR/tfjs_binding.node" ] && ! is_outdated && works "$complaint"; then
    say 'tfjs-node works already'
    rm -f "$complaint"
    return
  fi
  need python3 'it unpacks the library, and node-gyp runs on it'
  need make 'it builds the addon (Debian: build-essential)'
  need g++ 'it compiles the addon (Debian: build-essential)'
  python3 -m pip --version >/dev/null 2>&1 || fail 'expected pip for python3 (Debian: python3-pip)'
  fetch_library
  install_package
  link_library
  build_addon
  works "$complaint" || fail "the addon was built but does not compute: $(cat "$complaint")"
  rm -f "$complaint"
  printf '%s\n' "$RECIPE" >"$STAMP"
  say 'tfjs-node works: TEMPER_ENGINE=tensorflow, or nothing, chooses it'
}

main
