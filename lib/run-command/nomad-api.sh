#!/bin/sh
# Asks Nomad's HTTP API by the nomad command of this instance, and prints the answer so that SSM can carry it: compressed,
# in base64, a page at a time. What to ask comes in environment variables, never in the text of this script.
#   SSM_Method   GET or POST
#   SSM_Path     the path with its query
#   SSM_Body     the body, in base64; - for none
#   SSM_Request  names this question; its answer is kept until its last page is read
#   SSM_Page     0 asks and prints the first page, 1 and up print the further ones
# Prints the length of the whole answer, a space, and the page. In it: the HTTP status, the next page's token, the body.
set -eu
page_size=20000

if [ -z "${SSM_Method:-}" ]; then
  echo 'this SSM agent does not pass parameters as environment variables: 3.3.2746.0 or later does' >&2
  exit 4
fi

umask 077
directory=${TMPDIR:-/var/tmp}/nomad-drain-hook
mkdir -p "$directory"
answer="$directory/$SSM_Request"

if [ "$SSM_Page" = 0 ]; then
  # What an earlier question left behind that nobody came back for.
  find "$directory" -type f -mmin +10 -exec rm -f {} +
  # How the nomad command of this instance reaches its agent: NOMAD_ADDR, NOMAD_TOKEN, NOMAD_CACERT, …
  for settings in /etc/profile.d/nomad.sh /etc/nomad-drain-hook.env; do
    if [ -r "$settings" ]; then
      set -a
      . "$settings"
      set +a
    fi
  done
  command -v nomad >/dev/null || { echo 'there is no nomad command on this instance' >&2; exit 3; }
  trap 'rm -f "$answer.body" "$answer.out" "$answer.head"' EXIT
  if [ "$SSM_Body" = - ]; then
    nomad operator api -verbose -X "$SSM_Method" "$SSM_Path" </dev/null >"$answer.out" 2>"$answer.head" || failed=$?
  else
    printf %s "$SSM_Body" | base64 -d >"$answer.body"
    nomad operator api -verbose -X "$SSM_Method" "$SSM_Path" <"$answer.body" >"$answer.out" 2>"$answer.head" || failed=$?
  fi
  status=$(sed -n 's/^< HTTP[^ ]* \([0-9][0-9]*\).*/\1/p' "$answer.head" | tail -n 1)
  if [ -z "$status" ]; then
    # Its last words, without the lines that show the request and its token.
    grep -v '^[>*<]' "$answer.head" | tail -n 3 >&2
    exit 5
  fi
  next=$(sed -n 's/^< [Xx]-[Nn]omad-[Nn]ext[Tt]oken: *//p' "$answer.head" | tr -d '\r')
  { printf '%s\n%s\n' "$status" "$next"; cat "$answer.out"; } | gzip -c | base64 | tr -d '\n' >"$answer"
fi

size=$(wc -c <"$answer" | tr -d ' ')
printf '%s ' "$size"
tail -c "+$((SSM_Page * page_size + 1))" "$answer" | head -c "$page_size"
if [ "$(((SSM_Page + 1) * page_size))" -ge "$size" ]; then rm -f "$answer"; fi
