//! Daemons that agents' tools start: without a parent, a session, a group or an
//! environment that would say whose they are.

#![cfg(target_os = "linux")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::process::Child;

use common::{Place, finish, lives, signal, until};
use rustix::process::Signal;

/// Its prompt is `name how then ending`: it starts a daemon, waits until that is
/// there, and then answers, or waits for the file `then` before it does. The daemon
/// forks twice, leaves its parent's session or only its group, and ends at the
/// polite signal or does not. Its title takes the room of its environment, so
/// nothing shows whose it is.
const AGENT: &str = r#"#!/usr/bin/perl
use strict;
use warnings;
use POSIX ();

my $at = $ENV{PIDS};
my ($name, $how, $then, $ending) = split ' ', do { local $/; <STDIN> };

sub daemon {
    if (my $first = fork) { waitpid $first, 0; return }
    $how eq 'group' ? setpgrp(0, 0) : POSIX::setsid();
    POSIX::_exit(0) if fork;
    if ($ending eq 'rude') { $SIG{$_} = 'IGNORE' for qw(TERM INT HUP) }
    %ENV = ();
    $0 = 'worker: idle';
    open my $environ, '<', '/proc/self/environ';
    my $says = do { local $/; <$environ> } =~ /SMOL_WF/ ? 'marked' : $$;
    POSIX::close($_) for 0 .. 255;
    open my $file, '>', "$at/$name.new";
    print $file $says;
    close $file;
    rename "$at/$name.new", "$at/$name";
    sleep 600;
    POSIX::_exit(0);
}

sub wait_for {
    my $until = time + 600;
    select undef, undef, undef, 0.01 until -e "$at/$_[0]" or time > $until;
}

if ($how ne 'none') { daemon(); wait_for($name) }
wait_for($then) if $then ne 'answers';
print $name;
"#;

/// How a daemon leaves the agent that started it.
const KINDS: [&str; 2] = ["session", "group"];

fn place(body: &str) -> Place {
    let place = Place::new();
    let agent = place.write("home/.config/smol-workflows/agent.pl", AGENT);
    std::fs::set_permissions(agent, PermissionsExt::from_mode(0o755)).unwrap();
    let file = "provider = 'mine'\n[providers.mine]\nkind = 'command'\ncommand = ['./agent.pl']\n\
        env_allow = ['PIDS']\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    place
        .write("w.mjs", format!("export const meta = {{ name: 'n', description: 'd' }}\n{body}\n"));
    std::fs::create_dir(place.path("pids")).unwrap();
    place
}

fn start(place: &Place, args: &[&str]) -> Child {
    let mut command = place.at_home(&[&["run", "w.mjs"], args].concat());
    command.env("PIDS", place.path("pids")).spawn().unwrap()
}

/// The daemon that was started under this name, if it is there yet.
fn found(place: &Place, name: &str) -> Option<u32> {
    let text = std::fs::read_to_string(place.path("pids").join(name)).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("its environment is still there: {text}")))
}

/// Waits for it.
fn daemon(place: &Place, name: &str) -> u32 {
    until(&format!("the daemon {name} is there"), || found(place, name).is_some());
    found(place, name).unwrap()
}

#[test]
fn a_daemon_ends_with_the_run_whose_agent_started_it() {
    let answers = |how: &str| place(&format!("return agent('one {how} answers rude')"));
    let waits = |how: &str| place(&format!("return agent('one {how} go rude')"));
    // All at once: each has to be killed after its grace.
    std::thread::scope(|scope| {
        for how in KINDS {
            scope.spawn(move || {
                let place = answers(how);
                let ran = finish(start(&place, &[]));
                assert!(!lives(daemon(&place, "one")), "{how}, at the end of the run");
                assert_eq!(ran.ok()["results"], "one");
            });
            for (stop, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
                scope.spawn(move || {
                    let place = waits(how);
                    let child = start(&place, &[]);
                    let pid = daemon(&place, "one");
                    assert!(lives(pid));
                    signal(&child, stop);
                    let ran = finish(child);
                    assert!(!lives(pid), "{how}, after {stop:?}");
                    assert_eq!(ran.code, code, "{}", ran.stderr);
                });
            }
            for (flag, code) in [("--timeout", 5), ("--agent-timeout", 1)] {
                scope.spawn(move || {
                    // Long enough for it to be there, however busy the machine.
                    for limit in ["2s", "8s", "40s"] {
                        let place = waits(how);
                        let ran = finish(start(&place, &[flag, limit]));
                        if let Some(pid) = found(&place, "one") {
                            assert!(!lives(pid), "{how}, after {flag} {limit}");
                            assert!([code, 8].contains(&ran.code), "{}", ran.stderr);
                            return;
                        }
                    }
                    panic!("no daemon was ever there: {how}, {flag}");
                });
            }
        }
    });
}

#[test]
fn a_daemon_is_left_alone_while_a_step_may_own_it() {
    // When the last two have answered, whoever ends daemons has looked more than
    // once since the first step was over.
    let place = place(
        "const first = async () => {\n  await agent('one session two polite')\n  \
        await agent('three none answers polite')\n  return agent('four group answers polite')\n}\n\
        const [a, b] = await parallel([first, () => agent('two session go polite')])\n\
        return [a, b, await agent('five none answers polite')]",
    );
    let child = start(&place, &[]);
    let pids = ["one", "two", "four"].map(|name| daemon(&place, name));
    assert_eq!(pids.map(lives), [true; 3], "a step is at work");
    std::fs::write(place.path("pids/go"), "").unwrap();
    let ran = finish(child);
    assert_eq!(pids.map(lives), [false; 3]);
    assert_eq!(ran.ok()["results"], serde_json::json!(["four", "two", "five"]));
}

#[test]
fn a_daemon_does_not_wait_for_the_end_of_a_run_that_waits() {
    let place = place(
        "await agent('one session answers polite')\n\
        await new Promise((done) => setTimeout(done, 600000))",
    );
    let child = start(&place, &[]);
    let pid = daemon(&place, "one");
    until("the daemon is gone", || !lives(pid));
    signal(&child, Signal::TERM);
    finish(child).fails(143, &[]);
}
