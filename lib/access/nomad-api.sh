#!/bin/sh
# Asks Nomad's HTTP API by the nomad command of this instance, and prints the answer so that SSM can carry it: compressed,
# in base64, a page at a time. What to ask comes in environment variables, never in the text of this script.
#   SSM_Method   GET or POST
#   SSM_Path     the path with its query
#   SSM_Body     the body, in base64; - for none
#   SSM_Request  names this question, which is asked once; its answer is kept until its last page is read
#   SSM_Page     0 asks and prints the first page, 1 and up print the further ones
# Prints the length of the whole answer, a space, and the page. In it: the HTTP status, the next page's token, what its headers say
# (Nomad's index, whether it knows a leader, its time), the body.
# Exits with 3 where Nomad was surely not asked, with 5 where it did not answer, with 6 where the question was asked before.
set -eu
page_size=20000
directory=/run/nomad-drain-hook

fail() { code=$1; shift; echo "$*" >&2; exit "$code"; }

[ -n "${SSM_Method:-}" ] ||
  fail 3 'this SSM agent does not pass parameters as environment variables: 3.3.2746.0 or later does'

# Only this user reads or writes there. Only root creates files in /run, so no other user can have created it before; even so,
# a link, another user's directory, or one open to others is not used.
umask 077
mkdir "$directory" 2>/dev/null || :
[ -n "$(find "$directory" -prune -type d -user "$(id -u)" -perm 700 2>/dev/null)" ] ||
  fail 3 "$directory is not a directory that only user $(id -u) can enter: something else created it. Inspect it, then remove it"
answer="$directory/$SSM_Request"

# Writes the body of the answer, and on descriptor 3 what the nomad command says of its doings: the request's headers with
# the token are among that, so that it goes into no file.
ask() {
  if [ "$SSM_Body" = - ]; then
    nomad operator api -verbose -X "$SSM_Method" "$SSM_Path" </dev/null 2>&3
  else
    printf %s "$SSM_Body" | base64 -d | nomad operator api -verbose -X "$SSM_Method" "$SSM_Path" 2>&3
  fi
}

# Of what the nomad command says: the status, what is read of the headers, and errors.
heard() { sed -n '/^< HTTP/p; /^< [Xx]-[Nn]omad-/p; /^< [Dd]ate:/p; /^Error/p'; }

# The value of a header, by its name as a pattern.
header() { printf '%s\n' "$said" | sed -n "s/^< $1: *//p" | tail -n 1 | tr -d '\r'; }

# Takes out of the answer what must not lie in SSM's history: of each allocation's job, which holds the environment of its
# tasks, all but what the function reads, and the token of the caller. Splits JSON at its quotes, so that what stands
# outside of strings and what stands inside come by turns.
# shellcheck disable=SC2016
spare='
BEGIN {
  RS = "\""
  SOME = 0; NONE = 1; ALL = 2
  LONGEST = 64
  few = split("Meta TaskGroups TaskGroups.Meta TaskGroups.Tasks", some, " ")
  for (i = 1; i <= few; i++) keep["." some[i]] = SOME
  few = split("Type Meta.nomad_drain_hook_drain TaskGroups.Meta.nomad_drain_hook_drain TaskGroups.Name TaskGroups.EphemeralDisk " \
    "TaskGroups.MaxClientDisconnect TaskGroups.Disconnect " \
    "TaskGroups.StopAfterClientDisconnect TaskGroups.PreventRescheduleOnLost TaskGroups.Tasks.Name " \
    "TaskGroups.Tasks.Lifecycle TaskGroups.Tasks.Leader " \
    "TaskGroups.Tasks.KillTimeout TaskGroups.Tasks.ShutdownDelay TaskGroups.ShutdownDelay " \
    "TaskGroups.MaxRunDuration TaskGroups.Tasks.CSIPluginConfig", all, " ")
  for (i = 1; i <= few; i++) keep["." all[i]] = ALL
}
inside {
  escaped = $0 ~ /\\$/
  if (escaped) {
    tail = $0
    sub(/^.*[^\\]/, "", tail)
    escaped = length(tail) % 2
  }
  if (!depth) {
    pass(secret ? "" : $0)
    name = broken ? "" : $0
  } else {
    if (!broken) begin()
    if (!naming) write($0 (escaped ? "\"" : ""))
    else if (length(string) < LONGEST) string = string $0 (escaped ? "\"" : "")
    if (!escaped) end()
  }
  broken = escaped
  inside = escaped
  next
}
{
  inside = 1
  if (depth) walk($0)
  else if (name == "Job" && level == (top == "[" ? 2 : 1) && match($0, /^: *\{/)) {
    pass(":")
    path = ""; state = SOME
    walk(substr($0, RLENGTH))
  } else {
    pass($0)
    count($0)
  }
}
function pass(text) { printf "%s%s", (NR > 1 ? "\"" : ""), text }
function count(text) {
  if (top == "") top = substr(text, 1, 1)
  secret = name == "SecretID" && text ~ /^: *$/
  level += gsub(/[[{]/, "", text) - gsub(/[]}]/, "", text)
}
# Inside of a job: a member that is not kept goes with all that it holds, and with its comma.
function walk(text,   i, c) {
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if (c == "{" || c == "[") {
      write(c)
      depth++; opened[depth] = c; paths[depth] = path; states[depth] = state; members[depth] = 0
      key = c == "{"
    } else if (c == "}" || c == "]") {
      state = states[depth]; key = 0
      write(c)
      if (!--depth) { printf "%s", substr(text, i + 1); count(substr(text, i + 1)); return }
    } else if (c == ",") {
      key = opened[depth] == "{"; path = paths[depth]; state = states[depth]
      if (!key) write(c)
    } else write(c)
  }
}
# A string may be of any length, and of any number of parts: only the name of a member is kept in memory, as long as it may be known.
function begin() {
  string = ""
  if (key) state = states[depth]
  naming = key && state == SOME
  if (naming) return
  if (key && state != NONE && members[depth]++) write(",")
  write("\"")
}
function end() {
  if (naming) {
    path = paths[depth] "." string
    state = path in keep ? keep[path] : NONE
    if (state != NONE && members[depth]++) write(",")
    write("\"" string)
  }
  write("\"")
  key = 0
}
function write(text) { if (state != NONE) printf "%s", text }
'
spared() {
  case "$SSM_Path" in
    /v1/client/fs/*) cat ;;
    *) { cat; echo; } | LC_ALL=C awk "$spare" ;;
  esac
}

if [ "$SSM_Page" = 0 ]; then
  # What earlier requests left behind, whose callers never came back.
  find "$directory" -mindepth 1 -maxdepth 1 -mmin +10 -exec rm -rf {} +
  # How the nomad command of this instance reaches its agent: NOMAD_ADDR, NOMAD_TOKEN, NOMAD_CACERT, …
  for settings in /etc/profile.d/nomad.sh /etc/nomad-drain-hook.env; do
    [ -r "$settings" ] || continue
    # In a shell of its own: whatever it prints, and however it ends, what it has set until then comes back.
    eval "$(
      exec 3>&1 >/dev/null 2>&1 </dev/null
      trap 'export -p >&3' EXIT
      set -a +eu
      . "$settings"
      export -p >&3
      trap - EXIT
    )"
  done
  # Colours would hide what the lines begin with.
  unset NOMAD_CLI_FORCE_COLOR
  export NOMAD_CLI_NO_COLOR=1
  for tool in nomad awk gzip base64; do
    command -v "$tool" >/dev/null || fail 3 "there is no $tool command on this instance"
  done
  # A second command of the same name, sent or delivered twice, does nothing.
  mkdir "$answer" 2>/dev/null || fail 6 'this has been asked before'
  trap 'rm -f "$answer/body"' EXIT
  said=$({ ask | spared >"$answer/body"; } 3>&1 | heard)
  status=$(printf '%s\n' "$said" | sed -n 's/^< HTTP[^ ]* \([0-9][0-9]*\).*/\1/p' | tail -n 1)
  errors=$(printf '%s\n' "$said" | sed -n '/^Error/p')
  [ -n "$status" ] && [ -z "$errors" ] || fail 5 "${errors:-the nomad command says nothing of an answer}"
  next=$(header '[Xx]-[Nn]omad-[Nn]ext[Tt]oken')
  about="$(header '[Xx]-[Nn]omad-[Ii]ndex')|$(header '[Xx]-[Nn]omad-[Kk]nown[Ll]eader')|$(header '[Dd]ate')"
  { printf '%s\n%s\n%s\n' "$status" "$next" "$about"; cat "$answer/body"; } | gzip -c | base64 | tr -d '\n' >"$answer/packed"
fi

[ -f "$answer/packed" ] || fail 6 'the answer is not kept any more'
size=$(wc -c <"$answer/packed" | tr -d ' ')
printf '%s ' "$size"
tail -c "+$((SSM_Page * page_size + 1))" "$answer/packed" | head -c "$page_size"
if [ "$(((SSM_Page + 1) * page_size))" -ge "$size" ]; then rm -f "$answer/packed"; fi
