//! The files that a script can reach, and the workflow that a name stands for.
#![allow(clippy::too_many_lines, reason = "a corpus of escapes")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use smol_wf_core::limits::SCRIPT_BYTES_MAX;
use smol_wf_engine::library::{LibraryError, ProjectRoot, load_entry};

const SECRET: &str = "the secret outside";

/// A directory of its own for each test: a project in it, and a secret beside.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("library-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(path.join("project/.git")).unwrap();
        fs::create_dir_all(path.join("project-evil")).unwrap();
        let scratch = Self(path.canonicalize().unwrap());
        scratch.write("secret.mjs", SECRET);
        scratch.write("project-evil/secret.mjs", SECRET);
        scratch
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn script(&self, path: &str, name: &str) {
        let text = format!("export const meta = {{ name: '{name}', description: '{path}' }}");
        self.write(&format!("project/{path}"), &text);
    }

    fn root(&self) -> ProjectRoot {
        ProjectRoot::open(&self.0.join("project")).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_path_is_relative_to_the_calling_script() {
    let scratch = Scratch::new();
    for file in
        ["top.mjs", "a/one.mjs", "a/b/two.mjs", "a/b/ü — 漢字 😀.mjs", "a/...mjs", "a/..b/c.mjs"]
    {
        scratch.write(&format!("project/{file}"), file);
    }
    let root = scratch.root();
    let cases = [
        ("a/one.mjs", "./b/two.mjs", "a/b/two.mjs"),
        ("a/one.mjs", "b/two.mjs", "a/b/two.mjs"),
        ("a/one.mjs", "b//./two.mjs", "a/b/two.mjs"),
        ("a/b/two.mjs", "../one.mjs", "a/one.mjs"),
        ("a/b/two.mjs", "../../top.mjs", "top.mjs"),
        ("a/b/two.mjs", "./x/../two.mjs", "a/b/two.mjs"),
        ("top.mjs", "a/b/ü — 漢字 😀.mjs", "a/b/ü — 漢字 😀.mjs"),
        ("a/one.mjs", "...mjs", "a/...mjs"),
        ("a/one.mjs", "..b/c.mjs", "a/..b/c.mjs"),
        ("./a/one.mjs", "one.mjs", "a/one.mjs"),
        ("/elsewhere/x.mjs", "top.mjs", "top.mjs"),
        ("../x.mjs", "top.mjs", "top.mjs"),
    ];
    for (caller, asked, path) in cases {
        let loaded = root.load_path(Path::new(caller), asked).expect(asked);
        assert_eq!(loaded.path, path, "{caller} asks for {asked}");
        assert_eq!(loaded.bytes, path.as_bytes());
    }
}

#[cfg(unix)]
#[test]
fn nothing_leads_out_of_the_project() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new();
    scratch.write("project/a/one.mjs", "inside");
    let (project, out) = (scratch.0.join("project"), scratch.0.clone());
    let links: [(&str, PathBuf); 14] = [
        ("a/file", out.join("secret.mjs")),
        ("a/up", PathBuf::from("../..")),
        ("a/upfile", PathBuf::from("../../secret.mjs")),
        ("a/dir", out.clone()),
        ("a/root", PathBuf::from("/")),
        ("a/proc", PathBuf::from("/proc/self/root")),
        ("a/cwd", PathBuf::from("/proc/self/cwd")),
        ("a/fds", PathBuf::from("/proc/self/fd")),
        ("a/evil", PathBuf::from("../../project-evil/secret.mjs")),
        ("a/two", PathBuf::from("file")),
        ("a/three", PathBuf::from("up/secret.mjs")),
        ("a/loop", PathBuf::from("loop")),
        ("a/wide", PathBuf::from(format!("{}secret.mjs", "../".repeat(40)))),
        ("a/etc", PathBuf::from("/etc")),
    ];
    for (link, target) in links {
        symlink(target, project.join(link)).unwrap();
    }
    let root = scratch.root();
    let absolute = out.join("secret.mjs").to_string_lossy().into_owned();
    let through_proc = format!("/proc/self/root{absolute}");
    let from_root = absolute.trim_start_matches('/');
    let mut asked: Vec<String> = [
        "../../secret.mjs",
        "../../../secret.mjs",
        "./../../secret.mjs",
        "../a/../../secret.mjs",
        "../../project/../secret.mjs",
        "../../project-evil/secret.mjs",
        "x/../../../secret.mjs",
        "..//..//secret.mjs",
        ".././../secret.mjs",
        "../../project/a/one.mjs",
        "..",
        "../..",
        "../../",
        ".",
        "./",
        "../",
        "",
        "/",
        "//",
        "///etc/passwd",
        "/etc/passwd",
        "/etc/passwd/",
        "one.mjs/",
        "one.mjs/.",
        "one.mjs/..",
        "one.mjs/../../../secret.mjs",
        "one.mjs\0",
        "\0",
        "one.mjs\0/../x",
        "..\\..\\secret.mjs",
        "a\\b",
        "C:/secret.mjs",
        "C:secret.mjs",
        "c:\\secret.mjs",
        "\\\\host\\share",
        "//host/share/x.mjs",
        "%2e%2e/%2e%2e/secret.mjs",
        "..%2f..%2fsecret.mjs",
        "%2e%2e%2fsecret.mjs",
        "\u{2024}\u{2024}/\u{2024}\u{2024}/secret.mjs",
        "．．/．．/secret.mjs",
        "..\u{2215}..\u{2215}secret.mjs",
        "..\u{2044}secret.mjs",
        "..\u{ff0f}..\u{ff0f}secret.mjs",
        "\u{202e}sjm.terces",
        ".\u{200b}./secret.mjs",
        "ONE.MJS",
        "file:///etc/passwd",
        "file:../../secret.mjs",
        "https://example.com/x.mjs",
        "~/secret.mjs",
        "$HOME/x.mjs",
        "/proc/self/root/etc/passwd",
        "/proc/self/environ",
        "/dev/stdin",
        "/dev/zero",
        "file",
        "up/secret.mjs",
        "upfile",
        "dir/secret.mjs",
        "root/etc/passwd",
        "proc/etc/passwd",
        "cwd/Cargo.toml",
        "fds/0",
        "evil",
        "two",
        "three",
        "loop",
        "loop/x",
        "wide",
        "etc/passwd",
        "etc/",
        "up/project/a/one.mjs",
        "file/",
        "dir",
        "dir/",
        "root/../secret.mjs",
        "up/../../secret.mjs",
        "\n../../secret.mjs",
        " ../../secret.mjs",
        "../../secret.mjs ",
        "-",
        "--",
        "\u{feff}../../secret.mjs",
    ]
    .map(str::to_owned)
    .to_vec();
    asked.extend([
        absolute.clone(),
        through_proc.clone(),
        format!("proc{absolute}"),
        format!("root/{from_root}"),
        format!("root/../{from_root}"),
        format!("{}{from_root}", "../".repeat(40)),
        "../".repeat(2_000),
        "a/".repeat(1_000) + "x",
        "x".repeat(300),
        "x".repeat(100_000),
    ]);
    assert!(asked.len() >= 80);
    for path in &asked {
        for caller in ["a/caller.mjs", "a/up/x.mjs", "a/dir/x.mjs", "/a/x.mjs", "a/../../x.mjs"] {
            let answer = root.load_path(Path::new(caller), path);
            let error = answer.map(|loaded| loaded.path).expect_err(path);
            let said = error.to_string();
            assert!(!said.contains(SECRET) && !said.chars().any(char::is_control), "{said:?}");
        }
        // The same text as a name finds nothing, either.
        assert!(root.load_name(Path::new("a/caller.mjs"), path).is_err(), "{path:?}");
    }
}

#[test]
fn each_reason_has_its_code() {
    let scratch = Scratch::new();
    scratch.write("project/large.mjs", &" ".repeat(SCRIPT_BYTES_MAX + 1));
    scratch.write("project/full.mjs", &" ".repeat(SCRIPT_BYTES_MAX));
    scratch.write("project/a/one.mjs", "inside");
    let root = scratch.root();
    let cases = [
        ("", "workflow_path_invalid"),
        ("/a", "workflow_path_invalid"),
        ("a/", "workflow_path_invalid"),
        ("a\0", "workflow_path_invalid"),
        ("../x", "workflow_outside_project"),
        ("x", "workflow_not_found"),
        ("a", "workflow_not_a_file"),
        ("large.mjs", "script_too_large"),
    ];
    for (asked, code) in cases {
        let error = root.load_path(Path::new("caller.mjs"), asked).expect_err(asked);
        assert_eq!(error.code(), code, "{asked}: {error}");
    }
    assert!(root.load_path(Path::new("caller.mjs"), "full.mjs").is_ok());
}

#[cfg(unix)]
#[test]
fn links_that_stay_inside_are_followed() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new();
    scratch.write("project/lib/one.mjs", "inside");
    symlink("../lib", scratch.0.join("project/.git/lib")).unwrap();
    symlink("lib/one.mjs", scratch.0.join("project/link.mjs")).unwrap();
    let root = scratch.root();
    for asked in ["link.mjs", ".git/lib/one.mjs"] {
        assert_eq!(root.load_path(Path::new("x"), asked).expect(asked).bytes, b"inside");
    }
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_without_waiting() {
    let scratch = Scratch::new();
    let pipe = scratch.0.join("project/pipe.mjs");
    let node = rustix::fs::CWD;
    let made = rustix::fs::mknodat(node, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0);
    made.expect("a pipe");
    let socket = scratch.0.join("project/s.mjs");
    // A path of a socket is short; a deep target directory may be too long for one.
    let _bound = std::os::unix::net::UnixListener::bind(&socket);
    let root = scratch.root();
    let error = root.load_path(Path::new("x"), "pipe.mjs").expect_err("a pipe");
    assert!(matches!(error, LibraryError::NotAFile { .. }), "{error}");
    assert!(root.load_path(Path::new("x"), "s.mjs").is_err());
    for path in [
        pipe.as_path(),
        &socket,
        Path::new("/dev/null"),
        Path::new("/dev/zero"),
        Path::new("/"),
        Path::new(""),
    ] {
        assert!(load_entry(path).is_err(), "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_is_swapped_meanwhile_leads_nowhere() {
    use std::os::unix::fs::symlink;
    const ROUNDS: usize = 2_000;
    let scratch = Scratch::new();
    scratch.write("project/in/secret.mjs", "inside");
    scratch.write("project/calm.mjs", "inside");
    let root = scratch.root();
    let project = scratch.0.join("project");
    let done = AtomicBool::new(false);
    let (mut inside, mut refused) = (0, 0);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let fresh = project.join("fresh");
            while !done.load(Ordering::Relaxed) {
                for (target, name) in [
                    ("in", "dir"),
                    ("..", "dir"),
                    ("calm.mjs", "file.mjs"),
                    ("../secret.mjs", "file.mjs"),
                ] {
                    symlink(target, &fresh).unwrap();
                    fs::rename(&fresh, project.join(name)).unwrap();
                }
            }
        });
        for round in 0..ROUNDS {
            let asked = if round % 2 == 0 { "dir/secret.mjs" } else { "file.mjs" };
            match root.load_path(Path::new("x"), asked) {
                Ok(loaded) => {
                    assert_eq!(loaded.bytes, b"inside");
                    inside += 1;
                }
                Err(_) => refused += 1,
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(inside + refused, ROUNDS);
}

#[test]
fn the_closest_workflow_of_a_name_is_taken() {
    let scratch = Scratch::new();
    for (path, name) in [
        (".agents/workflows/audit.mjs", "audit"),
        (".claude/workflows/audit.js", "audit"),
        (".claude/workflows/only-claude.js", "x"),
        (".claude/workflows/odd-file.js", "pretty name"),
        ("pkg/.claude/workflows/audit.js", "audit"),
        ("pkg/.agents/workflows/both.js", "both"),
        ("pkg/.agents/workflows/both.mjs", "both"),
        ("pkg/.agents/workflows/zz.mjs", "both"),
        (".agents/workflows/z.mjs", "tied"),
        (".agents/workflows/y.mjs", "tied"),
        ("pkg/deep/.agents/workflows/near.mjs", "audit"),
    ] {
        scratch.script(path, name);
    }
    scratch.write("project/pkg/.agents/workflows/broken.mjs", "not a script");
    scratch.write("project/.agents/workflows/.hidden.mjs", "x");
    let root = scratch.root();
    let cases = [
        ("x.mjs", "audit", ".agents/workflows/audit.mjs"),
        ("other/x.mjs", "audit", ".agents/workflows/audit.mjs"),
        ("pkg/x.mjs", "audit", "pkg/.claude/workflows/audit.js"),
        ("pkg/src/x.mjs", "audit", "pkg/.claude/workflows/audit.js"),
        ("pkg/deep/er/x.mjs", "audit", "pkg/deep/.agents/workflows/near.mjs"),
        ("pkg/.claude/workflows/x.js", "audit", "pkg/.claude/workflows/audit.js"),
        ("pkg/x.mjs", "only-claude", ".claude/workflows/only-claude.js"),
        ("pkg/x.mjs", "pretty name", ".claude/workflows/odd-file.js"),
        // By `meta.name` before a file of that name.
        ("pkg/x.mjs", "both", "pkg/.agents/workflows/both.js"),
        ("pkg/x.mjs", "zz", "pkg/.agents/workflows/zz.mjs"),
        ("x.mjs", "tied", ".agents/workflows/y.mjs"),
        ("pkg/x.mjs", "broken", "pkg/.agents/workflows/broken.mjs"),
    ];
    for (caller, name, path) in cases {
        let loaded = root.load_name(Path::new(caller), name).expect(name);
        assert_eq!(loaded.path, path, "{caller} asks for {name}");
    }
    let error = root.load_name(Path::new("pkg/x.mjs"), "audti").expect_err("no such name");
    assert_eq!(error.code(), "workflow_not_found");
    assert_eq!(
        error.to_string(),
        "there is no workflow `audti` in pkg/.agents/workflows or pkg/.claude/workflows or \
         .agents/workflows or .claude/workflows; did you mean `audit`?"
    );
    let error = root.load_name(Path::new("x"), "something else").expect_err("no such name");
    assert!(error.to_string().contains("; there are: audit, "), "{error}");
    for name in ["", " ", ".hidden", "..", "a/b", "a\\b", "a\0b", "a\nb", &"x".repeat(129)] {
        let error = root.load_name(Path::new("x"), name).expect_err(name);
        assert_eq!(error.code(), "workflow_name_invalid", "{name:?}");
    }
    let empty = Scratch::new();
    let error = empty.root().load_name(Path::new("a/b/x.mjs"), "audit").expect_err("nothing");
    assert!(
        error
            .to_string()
            .contains("in .agents/workflows or .claude/workflows, neither of which is there"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_name_does_not_lead_out_of_the_project() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new();
    scratch.write("outside/evil.mjs", "export const meta = { name: 'evil', description: 'd' }");
    symlink(scratch.0.join("outside"), scratch.0.join("project/.agents")).unwrap();
    fs::create_dir_all(scratch.0.join("project/.claude/workflows")).unwrap();
    symlink("../../../outside/evil.mjs", scratch.0.join("project/.claude/workflows/odd.mjs"))
        .unwrap();
    symlink("../../../outside/evil.mjs", scratch.0.join("project/.claude/workflows/evil.js"))
        .unwrap();
    for name in ["evil", "odd"] {
        assert!(scratch.root().load_name(Path::new("x"), name).is_err(), "{name}");
    }
}

#[test]
fn the_root_is_the_nearest_project_below_home() {
    let scratch = Scratch::new();
    let home = &scratch.0;
    scratch.script("a/b/flow.mjs", "x");
    scratch.script("pkg/.claude/workflows/w.js", "x");
    scratch.write("loose/deep/flow.mjs", "x");
    fs::create_dir_all(home.join(".claude/workflows")).unwrap();
    let cases = [
        ("project/a/b/flow.mjs", "project"),
        ("project/a/b", "project"),
        ("project", "project"),
        ("project/a/b/not-there.mjs", "project"),
        ("project/pkg/.claude/workflows/w.js", "project"),
        ("loose/deep/flow.mjs", "loose/deep"),
        ("loose/deep", "loose/deep"),
        (".claude/workflows/w.js", ".claude/workflows"),
    ];
    for (start, wanted) in cases {
        let root = ProjectRoot::containing(&home.join(start), Some(home)).expect(start);
        assert_eq!(root.path(), home.join(wanted), "{start}");
    }
    assert!(ProjectRoot::containing(&home.join("no/such/dir"), Some(home)).is_err());
    assert!(ProjectRoot::open(&home.join("secret.mjs")).is_err());

    let root = scratch.root();
    assert_eq!(root.relative(&home.join("project/a/b/flow.mjs")), "a/b/flow.mjs");
    assert_eq!(root.relative(&home.join("project/a/../not-there.mjs")), "not-there.mjs");
    let outside = home.join("secret.mjs");
    assert_eq!(root.relative(&outside), outside.to_string_lossy());
}

#[test]
fn the_user_may_name_any_file() {
    let scratch = Scratch::new();
    let bytes = load_entry(&scratch.0.join("project/../secret.mjs")).expect("a file");
    assert_eq!(bytes, SECRET.as_bytes());
    let error = load_entry(&scratch.0.join("nothing.mjs")).expect_err("nothing");
    assert_eq!(error.code(), "workflow_not_found");
    scratch.write("large.mjs", &" ".repeat(SCRIPT_BYTES_MAX + 1));
    assert_eq!(
        load_entry(&scratch.0.join("large.mjs")).expect_err("large").code(),
        "script_too_large"
    );
}
