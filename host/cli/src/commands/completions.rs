//! `smol-wf completions`: the script that completes command lines in a shell.
//!
//! Owns: what is said about installing it. Never: what is completed.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::failure::{CommandError, print_message};
use crate::{completion_script, output};

/// Print the script that completes command lines in a shell
///
/// It asks smol-wf at each Tab, so it knows your workflows, runs and providers.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// Shell
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  source <(smol-wf completions bash)       # in ~/.bashrc
  source <(smol-wf completions zsh)        # in ~/.zshrc, below compinit
  smol-wf completions fish | source        # in ~/.config/fish/config.fish";

/// A shell that can ask.
#[expect(clippy::enum_variant_names, reason = "it is the name of that shell")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    #[value(name = "powershell")]
    PowerShell,
}

impl Shell {
    fn word(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Elvish => "elvish",
            Self::PowerShell => "powershell",
        }
    }

    /// The line for the shell's start-up file, and that file.
    fn install(self) -> &'static str {
        match self {
            Self::Bash => "source <(smol-wf completions bash) in ~/.bashrc",
            Self::Zsh => "source <(smol-wf completions zsh) in ~/.zshrc, below compinit",
            Self::Fish => "smol-wf completions fish | source in ~/.config/fish/config.fish",
            Self::Elvish => "eval (smol-wf completions elvish | slurp) in ~/.config/elvish/rc.elv",
            Self::PowerShell => {
                "smol-wf completions powershell | Out-String | Invoke-Expression in $PROFILE"
            }
        }
    }
}

impl CompletionsArgs {
    /// Prints the script.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        let script = completion_script::script(self.shell.word())?;
        // Not through `output::line`: the script needs its control characters.
        output::safe_text(String::from_utf8_lossy(&script).trim_end())?;
        if std::io::stdout().is_terminal() {
            print_message(&format!("a line for your shell: {}", self.shell.install()));
        }
        Ok(ExitCode::SUCCESS)
    }
}
