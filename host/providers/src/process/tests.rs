//! Processes, on real programs.
//!
//! Owns: what a handle and its pipes guarantee. Never: a whole tree; `tests/processes`
//! has those, in programs of their own.

use std::time::Duration;

use super::*;

fn sh(script: &str) -> Launch {
    Launch {
        provider: "test".to_owned(),
        program: find_program("sh").unwrap(),
        args: vec!["-c".into(), script.into()],
        cwd: std::env::temp_dir(),
        env: Environment::allowing(&[]),
        input: Input::None,
        presence: None,
    }
}

fn framed(script: &str) -> Launch {
    Launch { input: Input::Framed, ..sh(script) }
}

/// The program's lines and its exit, after its tree has ended.
async fn lines_and_exit(script: &str, stdin: &[u8]) -> (Vec<String>, Exit) {
    let mut lines = Vec::new();
    let launch = Launch { input: Input::Whole(stdin.to_vec()), ..sh(script) };
    let processes = Processes::new();
    let exit = run(&processes, launch, &mut |line| lines.push(line.to_owned())).await;
    processes.all_ended().await;
    (lines, exit.unwrap())
}

#[tokio::test]
async fn a_program_is_sent_its_prompt_and_its_exit_is_known() {
    let (lines, exit) = lines_and_exit("cat; echo oops >&2; exit 3", b"a\nb").await;
    assert_eq!(lines, ["a", "b"]);
    let stderr_tail = "oops".to_owned();
    assert_eq!(exit, Exit { code: Some(3), signal: None, hung: false, stderr_tail });
    assert_eq!(exit.in_words(), "exit code 3");
    let (_, exit) = lines_and_exit("kill -9 $$", b"").await;
    assert_eq!((exit.code, exit.signal), (None, Some(9)));
}

#[tokio::test]
async fn a_program_that_never_reads_blocks_nothing() {
    let prompt = vec![b'x'; 200 * 1024];
    let (lines, exit) = lines_and_exit("echo done", &prompt).await;
    assert_eq!((lines, exit.code), (vec!["done".to_owned()], Some(0)));
    let (lines, exit) = lines_and_exit("wc -c", &prompt).await;
    assert_eq!((lines[0].trim(), exit.code), ("204800", Some(0)));
}

#[tokio::test]
async fn a_conversation_goes_back_and_forth() {
    let mut process =
        Process::start(&Processes::new(), framed("while read line; do echo \"<$line>\"; done"))
            .await
            .unwrap();
    for word in ["one", "two"] {
        process.write(format!("{word}\n").as_bytes()).await.unwrap();
        assert_eq!(process.line().await.unwrap(), Some(format!("<{word}>")));
    }
    assert_eq!(process.exit().await.unwrap().code, Some(0));
}

#[tokio::test]
async fn a_program_that_prints_before_it_reads_is_read_meanwhile() {
    // More than a pipe holds, in each direction.
    let script = "head -c 1000000 /dev/zero | tr '\\0' x; echo; head -c 1000000 | wc -c";
    let mut process = Process::start(&Processes::new(), framed(script)).await.unwrap();
    let mut prompt = vec![b'p'; 999_999];
    prompt.push(b'\n');
    // Long enough for a machine at load 10. With the fault it never ends.
    let minute = Duration::from_secs(60);
    timeout(minute, process.write(&prompt)).await.expect("nobody reads").unwrap();
    assert_eq!(process.line().await.unwrap().map(|line| line.len()), Some(1_000_000));
    assert_eq!(process.line().await.unwrap().as_deref().map(str::trim), Some("1000000"));
    assert_eq!(process.exit().await.unwrap().code, Some(0));
}

#[tokio::test]
async fn stderr_is_distinguished_from_stdout() {
    let mut process =
        Process::start(&Processes::new(), framed("echo working >&2; read line; echo answer"))
            .await
            .unwrap();
    assert_eq!(process.output().await.unwrap(), Some(ProgramOutput::Stderr("working".to_owned())));
    process.write(b"go\n").await.unwrap();
    assert_eq!(process.output().await.unwrap(), Some(ProgramOutput::Stdout("answer".to_owned())));
    assert_eq!(process.output().await.unwrap(), None);
    assert_eq!(process.exit().await.unwrap().stderr_tail, "working");
}

#[tokio::test]
async fn a_program_that_hangs_after_its_last_word_is_ended() {
    let (lines, exit) = lines_and_exit("echo done; exec >&- 2>&-; sleep 600", b"").await;
    assert_eq!((lines, exit.signal), (vec!["done".to_owned()], Some(15)));
    assert!(exit.hung);
}

#[tokio::test]
async fn an_open_pipe_that_is_left_behind_keeps_nobody_waiting() {
    let (lines, exit) = lines_and_exit("echo done; (trap '' TERM; sleep 600) & exit 0", b"").await;
    assert_eq!((lines, exit.code), (vec!["done".to_owned()], Some(0)));
}

#[tokio::test]
async fn each_failed_start_has_its_own_error() {
    let missing = Launch { program: "/nonexistent/agent".into(), ..sh("") };
    let error = Process::start(&Processes::new(), missing).await.unwrap_err();
    assert!(matches!(error, ProcessError::NotFound { .. }), "{error}");
    let nowhere = Launch { cwd: "/dev/null/nowhere".into(), ..sh("") };
    let error = Process::start(&Processes::new(), nowhere).await.unwrap_err();
    assert!(matches!(error, ProcessError::Cwd { .. }), "{error}");
    assert_eq!(error.into_provider_error("p").code(), "provider_spawn");
    let unfit = Launch { program: "/etc/passwd".into(), ..sh("") };
    let error = Process::start(&Processes::new(), unfit).await.unwrap_err().to_string();
    assert!(error.ends_with("it is not executable; type: chmod +x /etc/passwd"), "{error}");
}

#[tokio::test]
async fn an_existing_file_that_cannot_be_run_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("my agent");
    let said = async |text: &[u8]| {
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let error = Process::start(&Processes::new(), Launch { program: script.clone(), ..sh("") })
            .await
            .unwrap_err();
        assert_eq!(error.into_provider_error("p").code(), "provider_spawn");
        error.to_string()
    };
    // By the system's error, not by a check beforehand.
    for (text, why) in [
        (&b"#!/no/such/python\n"[..], "its first line names `/no/such/python`, which is not there"),
        (b"#!/bin/sh\r\necho\r\n", "its lines end as on Windows"),
        #[cfg(target_os = "linux")]
        (b"echo hello\n", "begin it with a line such as `#!/bin/sh`"),
        #[cfg(target_os = "linux")]
        (b"", "it is empty"),
        #[cfg(target_os = "linux")]
        (b"\0asm\x01\0\0\0", "it is not a program for this machine"),
    ] {
        let error = said(text).await;
        assert!(error.contains(why), "{error}");
        assert!(error.starts_with(&format!("`{}` cannot be run: ", script.display())), "{error}");
    }
}

#[tokio::test]
async fn a_question_has_a_time_limit() {
    let (exit, text) =
        ask(&Processes::new(), sh("echo 1.2.3"), Duration::from_secs(60)).await.unwrap();
    assert_eq!((exit.code, text.as_str()), (Some(0), "1.2.3\n"));
    let (launch, processes) = (sh("sleep 600"), Processes::new());
    let error = ask(&processes, launch, Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, ProcessError::TimedOut { .. }), "{error}");
    processes.all_ended().await;
}

#[tokio::test]
async fn ending_returns_when_the_program_has_ended() {
    let processes = Processes::new();
    let mut process = Process::start(&processes, sh("echo $$; sleep 600")).await.unwrap();
    let group: i32 = process.line().await.unwrap().unwrap().parse().unwrap();
    process.end().await;
    processes.all_ended().await;
    let program = rustix::process::Pid::from_raw(group).unwrap();
    assert!(rustix::process::test_kill_process(program).is_err(), "it was waited for");
    // Without a supervisor the system adopts its orphan, and forgets it a moment later.
    let gone = async {
        while system::group_exists(group) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
}
