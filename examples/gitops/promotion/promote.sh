#!/usr/bin/env bash
# Measures what a change asks beside what was asked before it, and says whether it may be merged.
#
#   promote.sh NAME FILE BASE
#
# NAME is the SLMEvaluation in FILE, a path from the repository's root; BASE is the commit that the
# change is held against, such as origin/main. FILE must name no namespace: it is measured in one of
# its own, which is deleted at the end, and what the cluster holds of the team is left alone.
#
# Exits with 0 if nothing changed, or everything was measured and every gate was met; 1 if a trial or
# a gate failed; 4 if it took too long (PROMOTE_TIMEOUT, by default 4h a run); 5 if of a gate the data
# cannot tell.
set -euo pipefail
name=$1 file=$2 base=$3
timeout=${PROMOTE_TIMEOUT:-4h}
namespace=promote-$(git rev-parse --short HEAD)
cd "$(git rev-parse --show-toplevel)"

if git diff --quiet "$base" HEAD -- "$file"; then
  echo "$file is as in $base: nothing to measure"
  exit 0
fi

# The namespace is the lock too: a second pipeline of the same commit stops here.
kubectl create namespace "$namespace"
trap 'kubectl delete namespace "$namespace" --wait=false' EXIT

# What gates with `regression` hold the change against: the same machines, on the same day. A base
# that fails or that fails a gate of its own is no baseline, and the verdict will say so.
if git cat-file -e "$base:$file" 2>/dev/null; then
  git show "$base:$file" | kubectl apply --server-side -n "$namespace" -f -
  slmeval wait "$name" -n "$namespace" --for complete --timeout "$timeout"
fi

kubectl apply --server-side -n "$namespace" -f "$file"
code=0
slmeval wait "$name" -n "$namespace" --timeout "$timeout" || code=$?
slmeval results "$name" -n "$namespace" || true # for the pipeline's log; the verdict stands
exit "$code"
