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
        let mut out = std::io::stdout().lock();
        // Built, a command knows its whole name and the options it shares.
        let mut whole = command_line();
        whole.build();
        pages(&whole, &mut out)?;
        Ok(())
    }
}

/// A page a command, those of one after it.
fn pages(command: &clap::Command, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let source = concat!("amparo ", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(command.clone()).source(source).render(out)?;
    let subcommands = command.get_subcommands().filter(|one| one.get_name() != "help");
    for subcommand in subcommands {
        pages(subcommand, out)?;
    }
    Ok(())
}
