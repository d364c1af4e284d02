#!/usr/bin/env bash
# build.sh: builds our fuzz functions as ClusterFuzzLite and ClusterFuzz take them: one libFuzzer program each, with its
# seeds beside it. They say where: $OUT, $CC, $CXX, $LIB_FUZZING_ENGINE. Outside, it takes clang and a folder "out".
#
# go-fuzz-build instruments the sources and makes an archive; coverage shows as extra counters (ft, not cov).
set -euo pipefail
cd "$(dirname "$0")/.."
if ! [ -e go.mod ]; then cd "${SRC:?}/heapfuzz"; fi # the image has a copy of this file beside the sources
OUT=${OUT:-$PWD/out}
CC=${CC:-clang}
CXX=${CXX:-clang++}
mkdir -p "$OUT"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

go build -buildvcs=false -o "$work/heapfuzz" ./fuzz/cmd/heapfuzz
for pair in heap:Fuzz graph:FuzzGraphBytes dict:FuzzDictBytes cache:FuzzCacheBytes value:FuzzValueBytes; do
	kind=${pair%%:*} function=${pair##*:}
	CGO_ENABLED=1 CC=$CC go tool go-fuzz-build -libfuzzer -func "$function" -o "$work/$kind.a" ./fuzz
	# CXXFLAGS are flags, and so is the engine: both may be several words.
	# shellcheck disable=SC2086
	$CXX ${CXXFLAGS:-} ${LIB_FUZZING_ENGINE:--fsanitize=fuzzer} "$work/$kind.a" -o "$OUT/fuzz_$kind"
	"$work/heapfuzz" night-seeds -subject "$kind" -corpus corpus -o "$work/seeds-$kind"
	(cd "$work/seeds-$kind" && zip -q -r "$OUT/fuzz_${kind}_seed_corpus.zip" .)
done
