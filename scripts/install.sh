#!/bin/sh
# Installs smol-wf from a release, or removes it. Needs no root and no other tool than
# those of a POSIX system, tar, gzip and one that computes SHA-256; curl or wget for a URL.
#
#   install.sh [--from FOLDER|URL] [--prefix DIR] [--version VERSION]
#   install.sh --uninstall [--prefix DIR]
#
#   --from       an unpacked release, a folder with SHA256SUMS and archives, or the URL of
#                such a folder  [default: the folder of this script]
#   --prefix     where bin/ and share/ are  [default: $PREFIX, or ~/.local]
#   --version    which version, where there are several
#   --uninstall  remove what was installed there; runs and settings stay
#
# Owns: that nothing is installed that does not match its checksum, and that whatever fails
# leaves what was there. Never: changes a file of the user, or asks any other place.
set -eu

# Most files of a release; one has 70.
FILES_MAX=500
# Most bytes of a download; an archive has some 15 million.
BYTES_MAX=200000000
# Seconds without a byte after which a download is given up.
STALL_SECONDS=30

say() { printf '%s\n' "install: $*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

in_line() { printf '%s' "$1" | tr '\n' ' '; }

# A word as a shell reads it.
quoted() {
  case $1 in
    '' | *[!A-Za-z0-9_./:-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s' "$1" ;;
  esac
}

usage() {
  say "$1; $2"
  exit 2
}

read_arguments() {
  from='' prefix=${PREFIX:-} version='' action=install
  while [ $# -gt 0 ]; do
    case $1 in
      --from | --prefix | --version)
        [ -n "${2:-}" ] || usage "$1 needs a value" "see --help"
        case $1 in
          --from) from=$2 ;;
          --prefix) prefix=$2 ;;
          --version) version=${2#v} ;;
        esac
        shift
        ;;
      --uninstall) action=uninstall ;;
      -h | --help)
        help
        exit 0
        ;;
      *) usage "there is no argument $(quoted "$1")" "see --help" ;;
    esac
    shift
  done
  if [ -z "$prefix" ]; then
    [ -n "${HOME:-}" ] || usage "there is no home directory" "name a folder: --prefix DIR"
    prefix=$HOME/.local
  fi
  # Paths that are printed must hold in any folder.
  case $prefix in
    /*) ;;
    *) prefix=$(pwd)/$prefix ;;
  esac
  kept=$prefix/share/smol-wf
  list=$kept/installed
}

help() {
  cat <<'END'
Installs smol-wf from a release, or removes it. Needs no root.

  install.sh [--from FOLDER|URL] [--prefix DIR] [--version VERSION]
  install.sh --uninstall [--prefix DIR]

  --from       an unpacked release, a folder with SHA256SUMS and archives, or the URL of
               such a folder [default: the folder of this script]
  --prefix     where bin/ and share/ are [default: $PREFIX, or ~/.local]
  --version    which version, where there are several
  --uninstall  remove what was installed there; runs and settings stay
END
}

# The name that a release has for this machine.
platform() {
  system=$(uname -s) machine=$(uname -m)
  case $system in
    Linux) system=linux ;;
    Darwin) system=macos ;;
  esac
  case $machine in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
  esac
  printf '%s-%s' "$system" "$machine"
}

# Prints the digest of a file.
digest() {
  if have sha256sum; then
    sha256sum <"$1" | cut -d ' ' -f 1
  elif have shasum; then
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  elif have openssl; then
    openssl dgst -sha256 -r <"$1" | cut -d ' ' -f 1
  else
    fail "no program here computes SHA-256; install sha256sum, shasum or openssl"
  fi
}

# The digest that SHA256SUMS has for a name; nothing without one.
promised() {
  awk -v name="$2" '{ file = substr($0, 67); if (file == name && $1 ~ /^[0-9a-f]+$/ && length($1) == 64) { print $1; exit } }' "$1"
}

# Copies a file of the release to a path.
get() {
  case $from in
    https://* | http://*) download "${from%/}/$1" "$2" ;;
    *)
      [ -f "$from/$1" ] || fail "there is no $1 in $from; nothing was changed"
      cp "$from/$1" "$2" || fail "$from/$1 cannot be read; nothing was changed"
      ;;
  esac
}

download() {
  if have curl; then
    curl --fail --silent --show-error --location --proto-redir '=https' --max-filesize "$BYTES_MAX" \
      --connect-timeout "$STALL_SECONDS" --speed-limit 1 --speed-time "$STALL_SECONDS" --output "$2" "$1" ||
      fail "$1 cannot be fetched; nothing was changed"
  elif have wget; then
    wget --quiet --timeout="$STALL_SECONDS" --output-document="$2" "$1" ||
      fail "$1 cannot be fetched; nothing was changed"
  else
    fail "neither curl nor wget is here; fetch the release yourself and give its folder: --from FOLDER"
  fi
}

# Plain HTTP only from this machine: archive and checksums come the same way.
check_url() {
  case $from in
    http://127.0.0.1[:/]* | http://localhost[:/]* | "http://[::1]"[:/]*) ;;
    http://*) usage "$from is not encrypted" "use https://, or fetch the files yourself and give their folder: --from FOLDER" ;;
    https://*) ;;
    *://*) usage "$from is neither a folder nor an https URL" "see --help" ;;
    *) [ -d "$from" ] || usage "there is no folder $from" "name the folder of the release, or its https URL: --from FOLDER" ;;
  esac
}

find_release() {
  if [ -z "$from" ]; then
    # From a pipe, $0 is the shell.
    case $0 in
      */*) from=$(cd "$(dirname "$0")" && pwd) ;;
      *) if [ -f "./$0" ]; then from=$(pwd); fi ;;
    esac
    [ -n "$from" ] || from=/nonexistent
    [ -f "$from/SHA256SUMS" ] ||
      usage "where the release is was not said" "name its folder or URL: --from FOLDER"
  fi
  check_url
}

# The archive of SHA256SUMS for this machine.
choose_archive() {
  mine=$(platform)
  archives=$(sed -n 's/^[0-9a-f]\{64\}  \(smol-wf-[A-Za-z0-9.+_-]*\.tar\.gz\)$/\1/p' "$1")
  [ -n "$archives" ] || fail "SHA256SUMS of $from names no archive of smol-wf; nothing was changed"
  fitting=$(printf '%s\n' "$archives" | grep -e "-$mine\.tar\.gz\$" || true)
  [ -z "$version" ] || fitting=$(printf '%s\n' "$fitting" | grep -F -x "smol-wf-$version-$mine.tar.gz" || true)
  case $(printf '%s' "$fitting" | grep -c . || true) in
    1) printf '%s' "$fitting" ;;
    0) fail "$from has nothing for $mine${version:+ and version $version}; it has: $(in_line "$archives"). From source: cargo install --locked --path host/cli" ;;
    *) fail "$from has several versions: $(in_line "$fitting"); choose one: --version VERSION" ;;
  esac
}

check_digest() {
  found=$(digest "$1")
  [ "$found" = "$2" ] ||
    fail "$3 is not what SHA256SUMS promises (it has $found, not $2); nothing was changed. Fetch it again; if that does not help, do not use it"
}

# Unpacks an archive that has only files of one folder, and prints that folder.
unpack() {
  folder=$(basename "$1" .tar.gz)
  tar -tzf "$1" >"$work/names" 2>/dev/null || fail "$folder.tar.gz is broken; nothing was changed"
  [ "$(wc -l <"$work/names")" -le "$FILES_MAX" ] || fail "$folder.tar.gz has too many files; nothing was changed"
  if grep -v -e "^$folder/" "$work/names" >/dev/null || grep -e '\(^\|/\)\.\.\(/\|$\)' "$work/names" >/dev/null; then
    fail "$folder.tar.gz has files outside of $folder; nothing was changed"
  fi
  mkdir "$work/unpacked"
  tar -xzf "$1" -C "$work/unpacked" 2>/dev/null || fail "$folder.tar.gz is broken; nothing was changed"
  [ -z "$(find "$work/unpacked" ! -type f ! -type d)" ] || fail "$folder.tar.gz has links or devices; nothing was changed"
  release=$work/unpacked/$folder
}

# Every file of an unpacked release is as its SHA256SUMS says.
check_files() {
  for file in SHA256SUMS smol-wf; do
    [ -f "$release/$file" ] || fail "$release is not a release of smol-wf: it has no $file; nothing was changed"
  done
  for file in smol-wf install.sh; do
    [ -n "$(promised "$release/SHA256SUMS" "$file")" ] ||
      fail "SHA256SUMS of $release does not name $file; nothing was changed"
  done
  count=0
  while read -r sum file; do
    count=$((count + 1))
    [ "$count" -le "$FILES_MAX" ] || fail "SHA256SUMS of $release is too long; nothing was changed"
    case /$file/ in */../* | //*) fail "SHA256SUMS of $release leads out of it: $file" ;; esac
    [ -f "$release/$file" ] || fail "there is no $file in $release; nothing was changed"
    check_digest "$release/$file" "$sum" "$file"
  done <"$release/SHA256SUMS"
}

# Where a file of the release goes, from the prefix; nothing for others.
place() {
  case $1 in
    smol-wf) echo bin/smol-wf ;;
    man/man1/*.1) echo "share/$1" ;;
    completions/smol-wf.bash) echo share/bash-completion/completions/smol-wf ;;
    completions/_smol-wf) echo share/zsh/site-functions/_smol-wf ;;
    completions/smol-wf.fish) echo share/fish/vendor_completions.d/smol-wf.fish ;;
    LICENSE-* | THIRD-PARTY.txt) echo "share/doc/smol-wf/$1" ;;
    sbom/*.json) echo "share/doc/smol-wf/$1" ;;
    install.sh) echo share/smol-wf/install.sh ;;
  esac
}

is_ours() { [ -f "$list" ] && grep -F -x -e "$1" "$list" >/dev/null; }

# Refuses a prefix whose files are not ours.
check_prefix() {
  for folder in "$prefix/bin" "$kept"; do
    { mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ]; } ||
      fail "$folder cannot be written; choose another place: --prefix DIR"
  done
  while read -r sum file; do
    to=$(place "$file")
    [ -n "$to" ] || continue
    if [ -d "$prefix/$to" ]; then
      fail "$prefix/$to is a folder; move it away, or choose another place: --prefix DIR"
    elif [ -e "$prefix/$to" ] && ! is_ours "$to"; then
      fail "$prefix/$to is there and was not installed by this script; move it away, or choose another place: --prefix DIR"
    fi
  done <"$release/SHA256SUMS"
}

# Copies beside the place and renames, so that each file is the old one or the new one.
put() {
  mkdir -p "$(dirname "$2")" && cp "$1" "$2.new$$" && chmod "$3" "$2.new$$" && mv -f "$2.new$$" "$2" && return
  rm -f "$2.new$$"
  fail "$2 cannot be written; what was there before still works: run this again when it can"
}

# The program comes last: until then the old one works.
put_all() {
  : >"$work/list"
  while read -r sum file; do
    to=$(place "$file")
    [ -z "$to" ] || printf '%s\n' "$to" >>"$work/list"
  done <"$release/SHA256SUMS"
  # First both lists, so that an end at any moment leaves nothing that cannot be removed.
  [ ! -f "$list" ] || cp "$list" "$work/old"
  [ -f "$work/old" ] || : >"$work/old"
  sort -u "$work/list" "$work/old" >"$work/both"
  put "$work/both" "$list" 644
  while read -r sum file; do
    to=$(place "$file")
    case $to in
      '' | bin/*) ;;
      *) put "$release/$file" "$prefix/$to" 644 ;;
    esac
  done <"$release/SHA256SUMS"
  mv -f "$new" "$prefix/bin/smol-wf" || fail "$prefix/bin/smol-wf cannot be replaced; the old one is there"
  grep -v -F -x -f "$work/list" "$work/old" | while read -r to; do remove "$to"; done || true
  put "$work/list" "$list" 644
}

# Removes a file of the list, and its folder if that is empty now.
remove() {
  case /$1/ in */../* | //* | */./*) return 0 ;; esac
  rm -f "$prefix/$1"
  parent=$(dirname "$1")
  while [ "$parent" != . ]; do
    rmdir "$prefix/$parent" 2>/dev/null || break
    parent=$(dirname "$parent")
  done
}

install_release() {
  find_release
  work=$(mktemp -d "${TMPDIR:-/tmp}/smol-wf-install.XXXXXX") || fail "there is no room for temporary files"
  new=$prefix/bin/.smol-wf.$$
  trap 'rm -rf "$work" "$new"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [ -d "$from" ] && [ -f "$from/smol-wf" ]; then
    release=$from
  else
    get SHA256SUMS "$work/SHA256SUMS"
    archive=$(choose_archive "$work/SHA256SUMS") || exit 1
    get "$archive" "$work/$archive"
    check_digest "$work/$archive" "$(promised "$work/SHA256SUMS" "$archive")" "$archive"
    unpack "$work/$archive"
  fi
  check_files
  check_prefix
  # What does not start is not installed. Beside its place: programs may not start in /tmp.
  { cp "$release/smol-wf" "$new" && chmod 755 "$new"; } || fail "$prefix/bin cannot be written; nothing was changed"
  said=$("$new" --version 2>&1 </dev/null) ||
    fail "the program of this release does not start here; nothing was changed: $said"
  put_all
  say "installed $said in $(quoted "$prefix/bin")"
  say_path
  say "to remove it: sh $(quoted "$kept/install.sh") --uninstall --prefix $(quoted "$prefix")"
}

say_path() {
  case :${PATH:-}: in
    *":$prefix/bin:"*)
      first=$(command -v smol-wf || true)
      [ "$first" = "$prefix/bin/smol-wf" ] ||
        say "warning: \`smol-wf\` is $first, which your PATH has before it"
      ;;
    *)
      say "your PATH does not have that folder; put this line into ~/.profile, and type it now:"
      # shellcheck disable=SC2016 # The reader's shell expands it.
      printf '  export PATH=%s:"$PATH"\n' "$(quoted "$prefix/bin")" >&2
      ;;
  esac
  say "next: smol-wf"
}

uninstall() {
  [ -f "$list" ] || fail "nothing was installed in $(quoted "$prefix") by this script; name the folder: --uninstall --prefix DIR"
  copy=$(mktemp "${TMPDIR:-/tmp}/smol-wf-install.XXXXXX") || fail "there is no room for temporary files"
  trap 'rm -f "$copy"' EXIT
  cp "$list" "$copy"
  # The program first, the list last: what is interrupted can be done again.
  while read -r to; do remove "$to"; done <"$copy"
  remove share/smol-wf/installed
  say "smol-wf is removed from $(quoted "$prefix"); runs and settings stay where they are"
}

# All of it is read before any of it is done, also from a pipe that breaks.
main() {
  umask 022
  read_arguments "$@"
  case $action in
    install) install_release ;;
    uninstall) uninstall ;;
  esac
}

main "$@"
