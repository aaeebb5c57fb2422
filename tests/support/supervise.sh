#!/bin/bash
# The whole supervision loop with curl alone, every call that changes something sent twice with its key: hand over, wait,
# read, answer, look, send back, accept, close.
#   supervise.sh URL DIRECTORY REQUEST
set -euo pipefail
url=$1 directory=$2 request=$3

# The member of a JSON answer that has a plain value.
member() { grep -o "\"$1\":\"\\?[^,\"}]*" | sed -n 1p | sed 's/.*:"\?//'; }
get() { curl -sS --fail-with-body "$url$1"; }
# Twice, with the same key: what it made must be the same. (How the session is doing may have changed meanwhile.)
made() { grep -oE '"(sessionID|messageID|undo|branch|aborted)":[^,}]*' | sort -u; }
send() { curl -sS --fail-with-body -X "$1" "$url$2" -H 'content-type: application/json' -H "Idempotency-Key: $4" -d "$3"; }
twice() { # method path body
  local first second key
  key=loop-$(cksum <<<"$*" | cut -d' ' -f1)
  first=$(send "$1" "$2" "$3" "$key")
  second=$(send "$1" "$2" "$3" "$key")
  if [[ $(made <<<"$first") != "$(made <<<"$second")" ]]; then
    printf 'twice %s %s:\n%s\n%s\n' "$1" "$2" "$first" "$second" >&2
    exit 1
  fi
  printf '%s' "$first"
}
state() { get "/fleet/session/$session" | grep -o '"state":"[a-z_]*"' | sed -n 1p | cut -d'"' -f4; }
until_state() {
  for _ in $(seq 100); do
    [[ $(state) == "$1" ]] && return
    get "/fleet/wait?sessions=$session&after=$cursor&timeout_ms=1000" >/dev/null
  done
  printf 'it is %s, not %s\n' "$(state)" "$1" >&2
  exit 1
}

handed=$(twice POST /fleet/handoff "{\"request\":$request,\"directory\":\"$directory\",\"priority\":\"P1\"}")
session=$(member sessionID <<<"$handed")
cursor=$(get "/fleet/wait?sessions=$session" | member cursor)
until_state approve
open=$(get "/fleet/request?session=$session")
id=$(grep -o '"id":"per_[A-Za-z0-9]*"' <<<"$open" | sed -n 1p | cut -d'"' -f4)
hash=$(member hash <<<"$open")
twice POST "/fleet/request/$id/answer" "{\"reply\":\"once\",\"hash\":\"$hash\"}" >/dev/null
until_state ready
get "/fleet/session/$session/digest?max_tokens=500" | grep '"asked"' >/dev/null
get "/fleet/session/$session/evidence" >/dev/null
twice PATCH "/fleet/session/$session" '{"priority":"P0","labels":["login"]}' >/dev/null
checkpoint=$(get "/fleet/session/$session/commits" | member id)
twice POST "/fleet/session/$session/message" '{"text":"also say why"}' >/dev/null
sleep 0.3
until_state ready
twice POST "/fleet/session/$session/review" '{"verdict":"rework","comments":[{"path":"done.txt","line":1,"text":"why once?"}]}' >/dev/null
sleep 0.3
until_state ready
twice POST "/fleet/session/$session/rollback" "{\"to\":\"$checkpoint\"}" >/dev/null
twice POST "/fleet/session/$session/fork" "{\"checkpoint\":\"$checkpoint\"}" >/dev/null
twice POST "/fleet/session/$session/nudge" '{"text":"and then?"}' >/dev/null
sleep 0.3
until_state ready
twice POST "/fleet/session/$session/abort" '{}' >/dev/null
twice POST "/fleet/session/$session/accept" '{}' >/dev/null
twice POST "/fleet/session/$session/close" '{}' >/dev/null
twice POST "/fleet/session/$session/reopen" '{}' >/dev/null
twice POST "/fleet/session/$session/archive" '{}' >/dev/null
until_state done
printf '%s\n' "$session"
