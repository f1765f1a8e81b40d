//! Hints for databases that cannot be used.
//!
//! Owns: the hints, with commands that name the database quoted for a shell.
//! Never: the fault; the error names it.

use std::path::{Path, PathBuf};

use smol_wf_engine::StoreError;

use crate::shell;

/// Hint for an error that the user did not cause.
const DEFECT: &str = "this is a bug in smol-wf; please report it with this line";

/// The hint for an error of the store; every error has one.
pub(super) fn hint(error: &StoreError) -> String {
    match error {
        StoreError::Newer { .. } => "update smol-wf, or use another database".to_owned(),
        StoreError::Foreign { .. } => "choose another path".to_owned(),
        StoreError::Altered { path, .. } => format!(
            "undo the change (`sqlite3 {} .schema` lists what is in it), or choose another database with --db",
            shell::path(path)
        ),
        StoreError::Replaced { .. } => "if you have the files, put all of them back and continue with `smol-wf resume RUN`; otherwise start the run again".to_owned(),
        StoreError::IsDirectory { path } => {
            format!("name a file in it, as in {}", path.join("runs.db").display())
        }
        StoreError::NotAFile { .. } => "name a file with --db".to_owned(),
        StoreError::NotWritable { .. } => "get write permission for the file and its directory, or choose another path".to_owned(),
        StoreError::NewestInLog { .. } => {
            "copy both to a folder of your own and open the copy with --db".to_owned()
        }
        StoreError::OlderTables { .. } => "open a copy of it with --db".to_owned(),
        StoreError::Corrupt { path, .. } => {
            let aside = shell::path(&bad_path(path));
            format!(
                "move it away (`mv {} {aside}`) to start afresh, and try `sqlite3 {aside} .recover` to save what is in it",
                shell::path(path)
            )
        }
        StoreError::DiskFull { .. } => "free some space elsewhere (deleting runs needs some at first), then try again; `smol-wf resume RUN` continues an interrupted run".to_owned(),
        StoreError::Busy { path } => format!(
            "wait for it or end it (`fuser {}` names it), then try again",
            shell::path(path)
        ),
        StoreError::OlderHolder { .. } => "wait until it is done, then try again".to_owned(),
        StoreError::Io { .. } => "check the disk, then resume the run".to_owned(),
        StoreError::OldSqlite { .. } => "rebuild it with a newer SQLite".to_owned(),
        StoreError::Internal { .. } | StoreError::Invalid { .. } => DEFECT.to_owned(),
        StoreError::RunExists { .. } => "start the run again to get another id".to_owned(),
        StoreError::NoSuchRun { .. } => "`smol-wf history` lists the runs".to_owned(),
        StoreError::LeaseHeld { .. } => {
            "wait until that process is done, or end it and try again".to_owned()
        }
        StoreError::LeaseLost { .. } => "check the run before you continue".to_owned(),
        StoreError::OutOfSequence { .. } => "load the run again".to_owned(),
        StoreError::InboxFull { key, .. } => format!(
            "a process that works on the run takes them: continue it with `smol-wf resume {}`",
            key.run
        ),
        StoreError::MessageTooLarge { .. } => "post a shorter one".to_owned(),
        StoreError::Damaged { .. } => {
            "restore the database from a copy, or delete the run".to_owned()
        }
    }
}

/// Path to which a damaged database is moved: with `.bad` added.
fn bad_path(path: &Path) -> PathBuf {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".bad");
    aside.into()
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn hints_quote_the_database_for_a_shell() {
        let path = PathBuf::from("-it's a $HOME/my \"runs\".db");
        let named = |aside: &str| format!("./{}{aside}", path.display());
        let (altered, corrupt, busy) = (
            StoreError::Altered { path: path.clone(), what: "a view".to_owned() },
            StoreError::Corrupt { path: path.clone(), reason: "r".to_owned() },
            StoreError::Busy { path: path.clone() },
        );
        for (error, nth, words) in [
            (&altered, 1, vec!["sqlite3".to_owned(), named(""), ".schema".to_owned()]),
            (&corrupt, 1, vec!["mv".to_owned(), named(""), named(".bad")]),
            (&corrupt, 3, vec!["sqlite3".to_owned(), named(".bad"), ".recover".to_owned()]),
            (&busy, 1, vec!["fuser".to_owned(), named("")]),
        ] {
            let said = hint(error);
            let typed = said.split('`').nth(nth).unwrap();
            let shell = Command::new("sh")
                .args(["-c", &format!("set -- {typed}; printf '%s\\n' \"$@\"")])
                .output()
                .unwrap();
            let read = String::from_utf8(shell.stdout).unwrap();
            assert_eq!(read.lines().collect::<Vec<_>>(), words, "{typed}");
        }
    }
}
