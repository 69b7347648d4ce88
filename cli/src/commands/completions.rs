//! `completions`: what a shell needs to complete the tool's arguments.

use clap::Args;
use clap_complete::Shell;

use crate::args::Failed;
use crate::exit::Exit;
use crate::terminal::Terminal;

/// Write shell completions to standard output.
#[derive(Args)]
#[command(
    after_help = "Example: rederive completions bash > ~/.local/share/bash-completion/completions/rederive"
)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, terminal: &mut Terminal, mut command: clap::Command) -> Result<Exit, Failed> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "rederive", &mut script);
        terminal.write(&script);
        Ok(Exit::AsAsked)
    }
}
