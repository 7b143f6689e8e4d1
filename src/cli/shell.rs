use super::{Failure, command_line};

/// Print the completion script of a shell
#[derive(clap::Args)]
pub(super) struct Completions {
    /// Which shell
    shell: clap_complete::Shell,
}

/// Print the manual page
#[derive(clap::Args)]
pub(super) struct Man {}

impl Completions {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command_line(), "amparo", &mut script);
        std::io::Write::write_all(&mut std::io::stdout(), &script)?;
        Ok(())
    }
}

impl Man {
    #[expect(clippy::unused_self, reason = "every command runs the same way")]
    pub(super) fn run(self) -> Result<(), Failure> {
        // One page with every command: a household reads it once.
        let mut out = std::io::stdout().lock();
        let whole = command_line();
        clap_mangen::Man::new(whole.clone()).render(&mut out)?;
        for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
            let title = format!("amparo-{}", command.get_name());
            clap_mangen::Man::new(command.clone()).title(title).render(&mut out)?;
        }
        Ok(())
    }
}
