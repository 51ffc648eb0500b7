#!/bin/sh
# Runs every reader over every recording of a directory, three times, and prints for each the
# least CPU seconds (user + system) and the peak memory.
#
# usage: run.sh DIRECTORY   (made by make-recordings.sh)
#
# Needs cargo, a JDK 17 or later, Maven (fetches one.jfr and JMC).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
directory=$1
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
javac=${JAVA_HOME:+$JAVA_HOME/bin/}javac
(cd "$here" && cargo build --release --quiet)
(cd "$here/../.." && cargo build --release --quiet -p kcorr-bench-ingest)
ingest=${CARGO_TARGET_DIR:-$here/../../target}/release/kcorr-bench-ingest
binary=${CARGO_TARGET_DIR:-$here/target}/release/kcorr-bench-jfr
libraries=$directory/libraries
[ -d "$libraries" ] || (cd "$here/java" && mvn -q dependency:copy-dependencies -DoutputDirectory="$libraries")
"$javac" -cp "$libraries/*" -d "$directory/classes" "$here/java/src/Readers.java"

measure() {
    name=$1
    shift
    : > "$directory/measured"
    for _ in $(seq "${RUNS:-3}"); do
        /usr/bin/time -f '%U %S %M' -o "$directory/time" "$@" > "$directory/answer" 2>&1 || true
        tail -1 "$directory/time" >> "$directory/measured"
    done
    sort -k1,1n "$directory/measured" | awk -v name="$name" -v recording="$recording" -v results="${KCORR_BENCH_RESULTS:-}" -v answer="$(tail -1 "$directory/answer")" '
        { cpu = $1 + $2; if (NR == 1 || cpu < best) { best = cpu; memory = $3 } }
        END { printf "%-12s %7.2f CPU s %6d MiB   %s\n", name, best, memory / 1024, answer
              if (results != "") printf "jfr\t%s\t%s\t%.3f\t%.0f\n", recording, name, best, memory / 1024 >> results }'
}

for file in "$directory"/*.jfr; do
    recording=$(basename "$file" .jfr)
    echo "$(basename "$file"), $(($(stat -c %s "$file") / 1000000)) MB"
    cat "$file" > /dev/null
    for reader in varints skip kcorr-1 kcorr kcorr-top jfrs-ids jfrs; do
        measure "$reader" "$binary" "$reader" "$file"
    done
    # shellcheck disable=SC2016
    measure kcorr-store sh -c 'rm -rf "$3" && exec "$0" "$1" "$2" "$3"' "$ingest" jfr "$file" "$directory/store"
    for reader in one.jfr jmc jdk; do
        measure "$reader" "$java" -Xmx"${HEAP:-8g}" -cp "$directory/classes:$libraries/*" Readers "$reader" "$file"
    done
done
