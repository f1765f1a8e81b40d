#!/usr/bin/env bash
# A first day in short: from an unpacked release and an empty home to a workflow of one's
# own, an edit, a resume and a fixture. Every command that the program says comes next is
# typed as it stands, in a terminal.
#
#   scripts/first-five-minutes.sh [DIR]      a folder of scripts/release.sh
#                                            [default: target/release-files]
#
# Owns: reading what is printed, and typing it. Never: knows a command that is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
files=$(realpath "${1:-target/release-files}")
# Five minutes.
seconds_max=300
# Commands that can follow from each other at the most.
typed_max=60

world=$(mktemp -d)
trap 'rm -rf "$world"' EXIT
mkdir "$world/home" "$world/project"
export LC_ALL=C.UTF-8
path=/usr/local/bin:/usr/bin:/bin
typed=()

die() { printf 'first-five-minutes: %s; it said:\n%s\n' "$*" "$said" >&2; exit 1; }

# Types a line in a terminal, in the project. What comes back is in `said`.
type_line() {
  local expected=$1 line=$2 code=0
  printf '$ %s\n' "$line"
  ((${#typed[@]} < typed_max)) || { said=''; die "more than $typed_max commands follow from each other"; }
  typed+=("$line")
  said=$(cd "$world/project" && env -i HOME="$world/home" PATH="$path" TERM=xterm-256color LANG=C.UTF-8 \
    timeout 120 script --quiet --return --echo never --command "stty cols 500; $line" /dev/null </dev/null) || code=$?
  said=$(sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\r/\n/g' <<<"$said")
  [[ $code == "$expected" ]] || die "\`$line\` ended with $code, not $expected"
}
says() { grep -qE -- "$1" <<<"$said" || die "lacks \`$1\`"; }

# The commands in `said`: of a list, behind a colon or `with`, and between backticks.
# What stands in capitals is for the reader to replace.
commands() {
  sed -nE \
    -e 's/^  (smol-wf( [^ ]+)*)   +[^ ].*/\1/p' \
    -e 's/^.*(: |; |with )((smol-wf|sh [^ ]*install\.sh)( .*)?)$/\2/p' \
    -e 's/^[^`]*`(smol-wf [^`]*)`.*$/\1/p' <<<"$said" |
    sed -E 's/\bTEMPLATE\b/minimal/; s/\bNAME\b/notes/' | grep -vE '\b[A-Z]{3,}\b' || true
}

# The exit code that a command has on a machine without agents.
expected() {
  case $1 in
    smol-wf) echo 2 ;;
    'smol-wf doctor') echo 69 ;;
    *) echo 0 ;;
  esac
}

# Types what is printed, and what is printed then, once each.
follow() {
  local queue=() line same
  mapfile -t queue < <(commands)
  while ((${#queue[@]})); do
    line=${queue[0]}
    queue=("${queue[@]:1}")
    # Runs have other ids each time.
    same=$(sed -E 's/run_[0-9a-z]+/RUN/g' <<<"$line")
    [[ $seen != *$'\n'"$same"$'\n'* ]] || continue
    seen+=$same$'\n'
    type_line "$(expected "$line")" "$line"
    # Examples of the manual are for other scripts.
    case $line in
      *--help | *' docs'*) ;;
      *) mapfile -t -O "${#queue[@]}" queue < <(commands) ;;
    esac
  done
}
seen=$'\n'

# Types what is printed behind these words.
next_of() {
  local line
  line=$(sed -nE "s/^.*$1:? (smol-wf .*)$/\1/p" <<<"$said" | head -n 1)
  [[ -n $line ]] || die "does not say what comes next after \`$1\`"
  type_line "${2:-0}" "$line"
}
edit() { sed -i "s/at most $1 words/at most $2 words/" "$world/project/.agents/workflows/ask-repo.mjs"; }

# A repository, and the release where a browser puts it.
git -C "$world/project" init --quiet
echo 'A shop for kites.' >"$world/project/README.md"
git -C "$world/project" add README.md
git -C "$world/project" -c user.name=N -c user.email=n@example.org commit --quiet --message 'Begin'
mkdir "$world/home/Downloads"
tar -xzf "$files"/smol-wf-*-linux-x86_64.tar.gz -C "$world/home/Downloads"

type_line 0 "$(echo "$world"/home/Downloads/smol-wf-*)/install.sh"
remove=$(sed -n 's/^.*to remove it: //p' <<<"$said")
line=$(sed -n 's/^ *\(export PATH=\)/\1/p' <<<"$said")
[[ -n $line ]] || die 'does not say what PATH needs'
printf '$ %s\n' "$line"
path=$(PATH=$path; eval "$line"; echo "$PATH")
said=$(grep -v 'to remove it' <<<"$said")
follow
for command in 'run code-review' doctor init list docs new 'run ask-repo' 'check notes' 'run notes' 'history RUN'; do
  [[ $seen == *$'\n'"smol-wf $command"* ]] || die "nothing that is printed leads to \`smol-wf $command\`"
done

# An edit: what was answered already is not asked again.
type_line 0 'smol-wf run ask-repo --agent-provider debug'
edit 400 200
type_line 0 'smol-wf resume latest'
says '3 answers reused .*2 agents asked'
# A limit, and what it says about going on.
type_line 5 'smol-wf run ask-repo --agent-provider debug --max-agents 3'
next_of resume
says 'completed: 5 agents'
# A fixture, which an edit breaks and a recording mends.
type_line 0 'smol-wf export latest --fixture ask-repo.swf'
next_of 'replay it with'
says '^PASS  ask-repo.swf'
edit 200 300
type_line 7 'smol-wf test'
next_of 'record what is new'
type_line 0 'smol-wf test'
says '^PASS  ask-repo.swf'

type_line 0 "$remove"
[[ ! -e $world/home/.local/bin ]] || die 'the program is still there'
((SECONDS <= seconds_max)) || die "it took $SECONDS s, and $seconds_max are the most"
echo "first-five-minutes: from install.sh to a fixture, ${#typed[@]} commands in $SECONDS s"
