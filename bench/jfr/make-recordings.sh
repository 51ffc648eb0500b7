#!/bin/sh
# Makes the recordings of the benchmark: a contended program under async-profiler and under the
# JDK's own recorder, until each file has a size.
#
# usage: make-recordings.sh DIRECTORY [BYTES]
#
# Needs a JDK (17 or later; JAVA_HOME if it is not on the path), Maven, unzip. async-profiler comes
# by Maven, from where that is set up to look.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
directory=$1
bytes=${2:-210000000}
version=4.6
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
javac=${JAVA_HOME:+$JAVA_HOME/bin/}javac
mkdir -p "$directory/classes"
cd "$directory"
"$javac" -d classes "$here/Contend.java"
if [ ! -e libasyncProfiler.so ]; then
    mvn --quiet --batch-mode dependency:copy \
        -Dartifact="tools.profiler:async-profiler:$version" -DoutputDirectory=.
    unzip -o -q -j "async-profiler-$version.jar" 'linux-x64/libasyncProfiler.so'
fi
options='-XX:+UnlockDiagnosticVMOptions -XX:+DebugNonSafepoints -Xmx512m'
if [ ! -e async-profiler.jfr ]; then
    # shellcheck disable=SC2086
    "$java" $options \
        -agentpath:"$PWD/libasyncProfiler.so=start,event=cpu,interval=1ms,lock=0,jfr,file=async-profiler.part" \
        -cp classes Contend 32 1800 async-profiler.part "$bytes"
    mv async-profiler.part async-profiler.jfr
fi
if [ ! -e jdk.jfr ]; then
    # The recorder's own repository grows while it runs; the copy at the end is the recording.
    mkdir -p repository
    # shellcheck disable=SC2086
    "$java" $options \
        -XX:FlightRecorderOptions=repository="$PWD/repository" \
        -XX:StartFlightRecording=settings="$here/settings.jfc",filename=jdk.part,maxsize=4g \
        -cp classes Contend 32 "${JDK_SECONDS:-95}" /nonexistent "$bytes"
    mv jdk.part jdk.jfr
fi
ls -l ./*.jfr
