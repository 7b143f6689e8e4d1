//! The program: parse arguments, run the command, print its failure, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    amparo::cli::main()
}
